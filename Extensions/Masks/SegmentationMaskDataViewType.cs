using Microsoft.ML.Data;

namespace MLNetLosses;

/// <summary>The type of a column of <see cref="SegmentationMask"/>s, as <see cref="Microsoft.ML.Transforms.Image.ImageDataViewType"/> is of images.</summary>
public sealed class SegmentationMaskDataViewType : StructuredDataViewType
{
    private SegmentationMaskDataViewType()
        : base(typeof(SegmentationMask)) { }

    /// <summary>The one instance.</summary>
    public static SegmentationMaskDataViewType Instance { get; } = new();

    /// <inheritdoc/>
    public override bool Equals(DataViewType? other) => other is SegmentationMaskDataViewType;

    /// <inheritdoc/>
    public override int GetHashCode() => typeof(SegmentationMaskDataViewType).GetHashCode();

    /// <summary>What ML.NET's messages call it.</summary>
    public override string ToString() => nameof(SegmentationMask);
}

/// <summary>
/// Put on a property or field of type <see cref="SegmentationMask"/> of a class that rows are read from or into:
/// <c>[SegmentationMaskType] public SegmentationMask? Mask { get; set; }</c>.
/// </summary>
public sealed class SegmentationMaskTypeAttribute : DataViewTypeAttribute
{
    /// <summary>Tells ML.NET which column type the member has.</summary>
    public override void Register() => DataViewTypeManager.Register(SegmentationMaskDataViewType.Instance, typeof(SegmentationMask), this);

    /// <inheritdoc/>
    public override bool Equals(DataViewTypeAttribute? other) => other is SegmentationMaskTypeAttribute;

    /// <inheritdoc/>
    public override int GetHashCode() => typeof(SegmentationMaskTypeAttribute).GetHashCode();
}
