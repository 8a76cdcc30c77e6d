namespace MLNetLosses;

/// <summary>What a segmentation network says of a pixel.</summary>
public enum SegmentationMode
{
    /// <summary><see cref="Multiclass"/> for masks of class indices, <see cref="Multilabel"/> for masks of layers.</summary>
    Auto,

    /// <summary>One of C classes: C outputs and a softmax.</summary>
    Multiclass,

    /// <summary>
    /// Of two classes whether it is the second: one output and a sigmoid. Losses on regions then look at the second class alone, and take no class weights; losses on pixels weigh both.
    /// </summary>
    Binary,

    /// <summary>For each of C classes whether it is there: C outputs with a sigmoid each. The masks have a layer a class.</summary>
    Multilabel,
}
