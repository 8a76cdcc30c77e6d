using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNetLosses.Interop;
using MLNetLosses.Losses;
using MLNetLosses.Masks;
using MLNetLosses.Scoring;
using static TorchSharp.torch;

namespace MLNetLosses.Transforms;

/// <summary>The loss of every row by itself, from probabilities and labels: classes or masks.</summary>
internal sealed record ScoreLoss(string Output, string Label, string Score, string Loss) : IRowTransform<ScoreLoss>
{
    /// <summary>A probability of 0 would make an infinite loss; single precision knows none below this.</summary>
    private const double Least = 1e-37;

    public static ModelFormat Format { get; } = new("MLLSCLOS", "MLNetLossesScoreLoss", "Loss of rows (MLNetLosses)");

    public SchemaShape.Column[] Promise(SchemaShape input, IExceptionContext environment)
    {
        foreach (var name in new[] { Label, Score })
            if (!input.TryFind(name, out _))
                throw environment.Process(
                    new ArgumentException(
                        $"There is no column '{name}'. The columns are {string.Join(", ", input.Select(c => $"'{c.Name}'"))}."
                    )
                );
        return [SchemaShapes.Scalar(Output, NumberDataViewType.Single)];
    }

    public BoundTransform Bind(DataViewSchema input, IExceptionContext environment)
    {
        var score =
            input.GetColumnOrNull(Score)
            ?? throw environment.Process(
                new ArgumentException(
                    $"There is no column '{Score}'. The columns are {string.Join(", ", input.Select(c => $"'{c.Name}'"))}."
                )
            );
        if (score.Type is not VectorDataViewType vector || vector.ItemType != NumberDataViewType.Single)
            throw Hosts.SchemaMismatch(
                environment,
                nameof(input),
                "probabilities",
                Score,
                "Vector<Single> of probabilities",
                score.Type.ToString()!
            );
        var loss = Losses.Loss.Parse<SegmentationLoss>(Loss);
        if (input.GetColumnOrNull(Label)?.Type is not KeyDataViewType)
            return new OfMasks(input, Masks.MaskColumn.Find(input, Label, "masks or keys", environment), score, this, loss);
        if (loss is not ClassificationLoss)
            throw environment.Process(
                new ArgumentException(
                    $"{Loss} is a loss of masks, and the column '{Label}' holds classes: take a classification loss, such as CrossEntropyLoss."
                )
            );
        var scorer = new OfClasses(input, LabelColumn.Find(input, Label, environment), score, this, loss);
        try
        {
            // A loss that cannot be computed at all is better refused before any row is read.
            if (vector.Size > 0)
                scorer.FunctionFor(vector.Size, isSoftmax: vector.Size > 1);
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            throw environment.Process(new ArgumentException($"{loss} cannot be computed: {e.Message}", e));
        }
        return scorer;
    }

    /// <summary>
    /// Logits whose softmax the probabilities are: their logarithms, right but for a constant; or those whose sigmoids they are, exactly.
    /// </summary>
    private static Tensor Logits(Tensor probabilities, bool isSoftmax)
    {
        var p = probabilities.to(ScalarType.Float64).clamp(Least, 1);
        return (isSoftmax ? p.log() : p.log() - (1 - p).clamp_min(Least).log()).to(ScalarType.Float32);
    }

    /// <summary>A row.</summary>
    /// <param name="Target">Its class or mask; null: none.</param>
    /// <param name="Probabilities">What the model says.</param>
    /// <param name="Row">Its number, for messages.</param>
    private sealed record Item<T>(T Target, float[] Probabilities, long Row);

    private abstract class Scorer<T>(
        DataViewSchema input,
        DataViewSchema.Column label,
        DataViewSchema.Column score,
        ScoreLoss settings,
        SegmentationLoss loss
    ) : BlockScorer<Item<T>, IReadOnlyList<Item<T>>, float>(input, [new(settings.Output, NumberDataViewType.Single)])
    {
        private readonly Lock gate = new();
        private const int MostTrials = 5;
        private const double Same = 1e-3;
        private static readonly double[] Constants = [3, -5];

        private readonly Dictionary<(int Classes, bool IsSoftmax), LossFunction> functions = [];

        public override IReadOnlyList<DataViewSchema.Column> Inputs => [label, score];

        public override int BlockSize => 32;

        public override Func<Item<T>> CreateReader(DataViewRow row)
        {
            var target = CreateTargetReader(row);
            var getter = row.GetGetter<VBuffer<float>>(score);
            VBuffer<float> scores = default;
            return () =>
            {
                getter(ref scores);
                return new(target(), [.. scores.DenseValues()], row.Position);
            };
        }

        public override IReadOnlyList<Item<T>> Prepare(IReadOnlyList<Item<T>> items) => items;

        // A built loss serves one thread at a time.
        public override IReadOnlyList<float> Score(IReadOnlyList<Item<T>> block)
        {
            lock (gate)
            {
                using var frozen = no_grad();
                return [.. block.Select(Of)];
            }
        }

        public override Delegate CreateGetter(int output, Func<float> current) =>
            (ValueGetter<float>)((ref float value) => value = current());

        protected abstract Func<T> CreateTargetReader(DataViewRow row);

        /// <summary>The loss's inputs for a row; null where it has no label or no scores. In the caller's dispose scope.</summary>
        protected abstract (LossInputs Inputs, int Classes, bool IsSoftmax)? InputsOf(Item<T> item);

        /// <summary>Targets to try the loss with that has so many classes, the i-th of some.</summary>
        protected abstract (long[] LogitShape, Tensor Targets) Trial(int classes, int i);

        /// <summary>Builds the loss for so many classes.</summary>
        /// <param name="classes">The numbers that a row, or each of its pixels, has.</param>
        /// <param name="isSoftmax">Whether they are probabilities of classes that exclude each other.</param>
        /// <exception cref="ArgumentException">The loss needs more than these tell.</exception>
        public LossFunction FunctionFor(int classes, bool isSoftmax)
        {
            if (functions.TryGetValue((classes, isSoftmax), out var function))
                return function;
            function = loss.Build(new() { ClassCount = classes });
            function.eval();
            if (isSoftmax)
                RefuseMoreThanSoftmax(function, classes);
            return functions[(classes, isSoftmax)] = function;
        }

        /// <summary>
        /// Probabilities of a softmax tell logits up to a constant. Whether a loss depends on the constant is tried, not asked: so it holds for every option, every sum and losses of
        /// one's own.
        /// </summary>
        private void RefuseMoreThanSoftmax(LossFunction function, int classes)
        {
            using var scope = NewDisposeScope();
            using var frozen = no_grad();
            for (var i = 0; i < Math.Min(classes, MostTrials); i++)
            {
                var (shape, targets) = Trial(classes, i);
                var logits = (arange(shape.Aggregate(1L, (a, b) => a * b), ScalarType.Float32) * 1.7).sin().mul(2).reshape(shape);
                (string Name, double Value)[] Terms(double constant) =>
                    [
                        .. function
                            .EvaluateTerms(new() { ["logits"] = logits + constant, ["targets"] = targets })
                            .Terms.Select(term => (term.Name, term.Value.to(ScalarType.Float64).item<double>())),
                    ];
                var plain = Terms(0);
                foreach (var shifted in Constants.Select(Terms))
                    if (
                        Enumerable
                            .Range(0, plain.Length)
                            .Where(t => !(Math.Abs(plain[t].Value - shifted[t].Value) <= Same * (1 + Math.Abs(plain[t].Value))))
                            .ToArray()
                        is [var at, ..]
                    )
                        throw new ArgumentException(
                            $"{(plain.Length > 1 ? $"its term '{plain[at].Name}'" : "it")} depends on the logits themselves, as a sigmoid or a margin a class does, and the column '{score.Name}' holds probabilities of classes that exclude each other (a softmax), which tell logits only up to a constant. Take a loss on the softmax, such as CrossEntropyLoss."
                        );
            }
        }

        protected DataViewSchema.Column Probabilities => score;

        private float Of(Item<T> item)
        {
            using var scope = NewDisposeScope();
            if (
                item.Probabilities.Length == 0
                || Array.Exists(item.Probabilities, float.IsNaN)
                || InputsOf(item) is not var (inputs, classes, isSoftmax)
            )
                return float.NaN;
            try
            {
                return FunctionFor(classes, isSoftmax).Evaluate(inputs).to(ScalarType.Float32).item<float>();
            }
            catch (Exception e) when (e is ArgumentException or NotSupportedException)
            {
                throw new ArgumentException(
                    $"Row {item.Row.ToString(CultureInfo.InvariantCulture)}: {loss} cannot be computed: {e.Message}",
                    e
                );
            }
        }
    }

    private sealed class OfClasses(
        DataViewSchema input,
        LabelColumn label,
        DataViewSchema.Column score,
        ScoreLoss settings,
        SegmentationLoss loss
    ) : Scorer<int>(input, label.Column, score, settings, loss)
    {
        private readonly int[] slots = Slots(label, score);

        protected override Func<int> CreateTargetReader(DataViewRow row)
        {
            var read = label.CreateReader(row);
            return () => read() is >= 0 and var found ? slots[found] : -1;
        }

        protected override (LossInputs, int, bool)? InputsOf(Item<int> item)
        {
            if (item.Target < 0)
                return null;
            var classes = item.Probabilities.Length;
            if (item.Target >= Math.Max(2, classes))
                throw new ArgumentException(
                    $"Row {item.Row} has the class {item.Target} of the label column, and the column '{Probabilities.Name}' has {(classes == 1 ? "one probability, that of the second of two classes" : $"{classes} probabilities")}."
                );
            var isSoftmax = classes > 1;
            var logits = Logits(tensor(item.Probabilities), isSoftmax).unsqueeze(0);
            return (new() { ["logits"] = logits, ["targets"] = tensor(new long[] { item.Target }) }, classes, isSoftmax);
        }

        protected override (long[], Tensor) Trial(int classes, int i) => ([1, classes], tensor(new long[] { i }));

        // By name where both columns name their classes, else by number.
        private static int[] Slots(LabelColumn label, DataViewSchema.Column score)
        {
            int[] same = [.. Enumerable.Range(0, label.ClassCount)];
            if (label.Values is null || !score.HasSlotNames() || score.Type is VectorDataViewType { Size: 1 })
                return same;
            VBuffer<ReadOnlyMemory<char>> names = default;
            score.GetSlotNames(ref names);
            var places = names
                .DenseValues()
                .Select((name, place) => (name.ToString(), place))
                .DistinctBy(p => p.Item1)
                .ToDictionary(p => p.Item1, p => p.place);
            return label.Names.Any(places.ContainsKey) ? [.. label.Names.Select(name => places.GetValueOrDefault(name, -1))] : same;
        }
    }

    private sealed class OfMasks(
        DataViewSchema input,
        Masks.MaskColumn masks,
        DataViewSchema.Column score,
        ScoreLoss settings,
        SegmentationLoss loss
    ) : Scorer<SegmentationMask?>(input, masks.Column, score, settings, SegmentationLosses.Ignoring(loss, SegmentationMask.Ignored))
    {
        private const int TrialSide = 12;

        protected override Func<SegmentationMask?> CreateTargetReader(DataViewRow row) => masks.CreateReader(row);

        protected override (LossInputs, int, bool)? InputsOf(Item<SegmentationMask?> item)
        {
            if (item.Target is not { } mask)
                return null;
            var pixels = mask.Width * mask.Height;
            if (
                pixels == 0
                || item.Probabilities.Length % pixels != 0
                || (mask.LayerCount > 0 && item.Probabilities.Length != mask.LayerCount * pixels)
            )
                throw new ArgumentException(
                    $"Row {item.Row}: the mask has {mask.Width} x {mask.Height} pixels{(mask.LayerCount > 0 ? $" and {mask.LayerCount} layers" : "")}, and the column '{Probabilities.Name}' {item.Probabilities.Length} probabilities: one a class and pixel is wanted."
                );
            var classes = item.Probabilities.Length / pixels;
            // One output, or layers that may overlap, are sigmoids; classes that exclude each other a softmax.
            var isSoftmax = mask.LayerCount == 0 && classes > 1;
            var logits = Logits(tensor(item.Probabilities), isSoftmax).reshape([1, classes, mask.Height, mask.Width]);
            var values = tensor(mask.Values.ToArray(), ScalarType.Byte);
            var targets =
                mask.LayerCount == 0
                    ? values.reshape([1, mask.Height, mask.Width]).to(ScalarType.Int64)
                    : values.reshape([1, mask.LayerCount, mask.Height, mask.Width]).to(ScalarType.Float32);
            return (new() { ["logits"] = logits, ["targets"] = targets }, classes, isSoftmax);
        }

        // A part of each class there is, so that losses on regions see it.
        protected override (long[], Tensor) Trial(int classes, int i) =>
            (
                [1, classes, TrialSide, TrialSide],
                tensor(Enumerable.Range(0, TrialSide * TrialSide).Select(at => (at / 3L + i) % classes).ToArray())
                    .reshape([1, TrialSide, TrialSide])
            );
    }
}
