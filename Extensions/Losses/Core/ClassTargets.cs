using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>The forms that targets of class scores may have.</summary>
[Flags]
public enum TargetForms
{
    /// <summary>int64 [N, ...], one class an element.</summary>
    Indices = 1,

    /// <summary>[N, C, ...] of a floating-point type, summing to 1 over the classes.</summary>
    Probabilities = 2,

    /// <summary>[N, C, ...] of 0/1, integers or floating point: each class is there or not.</summary>
    Labels = 4,

    /// <summary>Labels may be any number in [0, 1].</summary>
    SoftLabels = 8 | Labels,
}

/// <summary>The targets of class scores: checked, in one form, with what is ignored made harmless. Tensors are made when asked for.</summary>
public sealed class ClassTargets
{
    private readonly long? ignored;
    private Tensor? valid;
    private Tensor? safe;
    private bool? mayIgnore;

    private ClassTargets(TargetForms form, Tensor raw, int classCount, long? ignored) =>
        (Form, Raw, ClassCount, this.ignored) = (form, raw, classCount, ignored);

    /// <summary>Which form it is: one of Indices, Probabilities, Labels.</summary>
    public TargetForms Form { get; }

    /// <summary>The input as it was given; indices as int64.</summary>
    public Tensor Raw { get; }

    /// <summary>C, the size of axis 1 of the logits.</summary>
    public int ClassCount { get; }

    /// <summary>Whether the targets are class indices.</summary>
    public bool AreIndices => Form == TargetForms.Indices;

    /// <summary>The target that counts nowhere; null when nothing is ignored.</summary>
    public long? IgnoredTarget => Form == TargetForms.Probabilities ? null : ignored;

    /// <summary>True where an element counts, of the shape of <see cref="Raw"/>; null when nothing can be ignored.</summary>
    public Tensor? Valid => IgnoredTarget is { } none ? valid ??= Raw.ne(none) : null;

    /// <summary>The targets with 0 in place of ignored elements.</summary>
    public Tensor Safe => !MayIgnore ? Raw : safe ??= Raw.masked_fill(Valid!.logical_not(), 0);

    /// <summary>1 where an element counts and 0 where not, in a type; null when nothing can be ignored.</summary>
    /// <param name="like">Gives the type.</param>
    public Tensor? Weights(Tensor like) => Valid?.to(like.dtype);

    /// <summary>
    /// Whether some element may be ignored. On the CPU it is looked up, since that costs one pass over the targets and saves several over the values; another
    /// device would have to be waited for.
    /// </summary>
    internal bool MayIgnore => mayIgnore ??= IgnoredTarget is { } none && MayHold(Raw, none);

    private static bool MayHold(Tensor targets, long value)
    {
        if (targets.device_type != DeviceType.CPU)
            return true;
        if (targets.dtype == ScalarType.Bool && value is not (0 or 1))
            return false;
        // Floating-point numbers are compared by their bits, for which the search is vectorised; 0 has two patterns.
        if (targets.is_contiguous() && value != 0)
            switch (targets.dtype)
            {
                case ScalarType.Byte:
                    return value is > 0 and <= byte.MaxValue && targets.bytes.Contains((byte)value);
                case ScalarType.Int64:
                    return MemoryMarshal.Cast<byte, long>(targets.bytes).Contains(value);
                case ScalarType.Float32:
                    return MemoryMarshal.Cast<byte, int>(targets.bytes).Contains(BitConverter.SingleToInt32Bits(value));
                case ScalarType.Float64:
                    return MemoryMarshal.Cast<byte, long>(targets.bytes).Contains(BitConverter.DoubleToInt64Bits(value));
            }
        return targets.eq(value).any().item<bool>();
    }

    /// <summary>As <see cref="Weights"/>, null also where everything counts.</summary>
    internal Tensor? WeightsIfIgnoring(Tensor like) => MayIgnore ? Weights(like) : null;

    /// <summary>The element of the target's class along axis 1: [N, C, ...] to [N, ...].</summary>
    /// <param name="scores">[N, C, ...].</param>
    public Tensor Pick(Tensor scores) => scores.gather(1, Safe.unsqueeze(1)).squeeze(1);

    /// <summary>Binary indices [N, ...] as labels [N, 1, ...] for one logit.</summary>
    public ClassTargets AsLabels() => AreIndices ? new(TargetForms.Labels, Raw.unsqueeze(1), ClassCount, ignored) : this;

    /// <summary>The same targets for other scores of the same pixels.</summary>
    internal ClassTargets WithClassCount(int classCount) => new(Form, Raw, classCount, ignored);

    /// <summary>The targets of a part of the scores.</summary>
    /// <param name="raw">A part of <see cref="Raw"/>.</param>
    internal ClassTargets Part(Tensor raw) => new(Form, raw, ClassCount, ignored) { mayIgnore = MayIgnore ? null : false };

    /// <summary>Whether each logit is an output of its own with labels 0/1: labels, or indices of one logit.</summary>
    internal bool AreBinary => Form == TargetForms.Labels || (AreIndices && ClassCount == 1);

    /// <summary>Whether targets that are not yet read may be <see cref="AreBinary"/>.</summary>
    internal static bool MayBeBinary(LossCall call) =>
        call["logits"] is var logits && (logits.shape[1] == 1 || call["targets"].dim() == logits.dim());

    internal static ClassTargets Read(SegmentationLoss loss, LossCall call)
    {
        var (logits, targets) = (call["logits"], call["targets"]);
        Shapes.Floating(loss, "logits", logits);
        if (logits.dim() < 2)
            throw Shapes.Wrong(loss, "logits", logits, "[N, C, ...] with at least two axes");
        var classes = (int)logits.shape[1];
        if (targets.device_type != logits.device_type)
            throw new ArgumentException($"{loss.Name}: targets are on {targets.device}, logits on {logits.device}.", "targets");
        var form = FormOf(loss, logits, targets);
        if (form == TargetForms.Indices && targets.dtype != ScalarType.Int64)
            targets = targets.to(ScalarType.Int64);
        var read = new ClassTargets(form, targets, classes, loss.IgnoredTarget);
        if (call.CheckValues)
            read.CheckValues(loss, logits);
        return read;
    }

    private static TargetForms FormOf(SegmentationLoss loss, Tensor logits, Tensor targets)
    {
        var accepted = loss.TargetForms;
        var (x, y) = (logits.shape, targets.shape);
        if (targets.dim() == logits.dim() - 1)
        {
            if (!accepted.HasFlag(TargetForms.Indices) || targets.is_floating_point() || targets.dtype == ScalarType.Bool)
                throw Shapes.Wrong(loss, "targets", targets, Expected(accepted, x));
            if (y[0] == x[0] && y.AsSpan(1).SequenceEqual(x.AsSpan(2)))
                return TargetForms.Indices;
        }
        else if (y.AsSpan().SequenceEqual(x) && (accepted & (TargetForms.Labels | TargetForms.Probabilities)) != 0)
        {
            if (accepted.HasFlag(TargetForms.Labels))
                return TargetForms.Labels;
            if (targets.is_floating_point())
                return TargetForms.Probabilities;
        }
        throw Shapes.Wrong(loss, "targets", targets, Expected(accepted, x));
    }

    private static string Expected(TargetForms accepted, long[] logits)
    {
        var full = string.Join(", ", logits);
        var reduced = string.Join(", ", logits.Where((_, axis) => axis != 1));
        var forms = new List<string>();
        if (accepted.HasFlag(TargetForms.Indices))
            forms.Add($"class indices int64 [{reduced}]");
        if (accepted.HasFlag(TargetForms.Probabilities))
            forms.Add($"probabilities [{full}]");
        if (accepted.HasFlag(TargetForms.Labels))
            forms.Add($"labels [{full}]");
        return string.Join(" or ", forms) + $" for logits [{full}]";
    }

    // In place: beside one logit a truth value a pixel is a quarter of the logits.
    private static Tensor And(Tensor truth, Tensor other)
    {
        using (other)
            return truth.logical_and_(other);
    }

    private static Tensor Or(Tensor truth, Tensor other)
    {
        using (other)
            return truth.logical_or_(other);
    }

    // Waits for the device.
    private void CheckValues(SegmentationLoss loss, Tensor logits)
    {
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        using (var unknown = logits.isnan())
            if (unknown.any().item<bool>())
                throw new ArgumentException($"{loss.Name}: logits hold NaN.", "logits");
        var highest = Math.Max(ClassCount, 2) - 1; // one logit: indices 0 and 1
        var (wrong, allowed) = Form switch
        {
            TargetForms.Indices => (Or(Raw.lt(0), Raw.gt(highest)), $"a class index in [0, {highest}]"),
            TargetForms.Probabilities => (Raw.ge(0).logical_not_(), "a probability >= 0"),
            _ when loss.TargetForms.HasFlag(TargetForms.SoftLabels) => (
                Or(Raw.ge(0).logical_not_(), Raw.le(1).logical_not_()),
                "a label in [0, 1]"
            ),
            _ => (And(Raw.ne(0), Raw.ne(1)), "a label 0 or 1"),
        };
        if (IgnoredTarget is { } none)
            And(wrong, Raw.ne(none));
        if (wrong.any().item<bool>())
        {
            var place = wrong.nonzero()[0].data<long>().ToArray();
            var value = Raw[place.Select(i => TensorIndex.Single(i)).ToArray()].to(ScalarType.Float64).item<double>();
            throw new ArgumentException(
                $"{loss.Name}: targets[{string.Join(", ", place)}] is {value}; it must be {allowed}{(ignored is null ? "" : $" or the IgnoreIndex {ignored}")}.",
                "targets"
            );
        }
        if (
            Form == TargetForms.Probabilities
            && Raw.numel() > 0
            && (Raw.sum(1) - 1).abs().max().to(ScalarType.Float64).item<double>() is var off and > 1e-3
            && !(off <= 1.0 / 256 && Raw.eq(Raw.to(ScalarType.BFloat16)).all().item<bool>()) // rounded to the digits of bfloat16
        )
            throw new ArgumentException($"{loss.Name}: probabilities must sum to 1 over the classes; a sum is off by {off}.", "targets");
    }
}
