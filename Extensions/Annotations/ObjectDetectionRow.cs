namespace MLNetLosses.Data;

/// <summary>The columns of object detection data. The names and types are the schema.</summary>
internal sealed class ObjectDetectionRow
{
    public string ImagePath { get; set; } = "";

    public string[] Label { get; set; } = [];

    public float[] BoundingBoxes { get; set; } = [];

    public bool[] Ignored { get; set; } = [];

    public float[] Area { get; set; } = [];
}
