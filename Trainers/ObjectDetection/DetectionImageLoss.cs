using MLNetLosses.Losses;
using MLNetLosses.Networks;
using static TorchSharp.torch;

namespace MLNetLosses;

/// <summary>The loss of an image by itself, as the detector's training had it at its end. For one image both ways of dividing are the same.</summary>
internal sealed class DetectionImageLoss
{
    private readonly Lock gate = new();
    private readonly DetectionModel model;
    private readonly DetectionLossInputs inputs;
    private readonly LossFunction function;

    /// <exception cref="ArgumentException">The loss cannot be computed from the model alone.</exception>
    public DetectionImageLoss(DetectionModel model)
    {
        this.model = model;
        var options = model.LossOptions();
        inputs = new(model.Shape, options);
        var counts = model.LossFacts.ClassCounts;
        function = DetectionObjective
            .Of(options)
            .Build(new() { ClassCount = model.ClassCount, ClassCounts = counts.Length == 0 ? null : [.. counts] });
        if (function.parameters().Any())
            throw new ArgumentException(
                $"The detector learned with {options.AskedLoss.Text}, which learn numbers of their own that a detector does not keep: their value cannot be computed again. Train with a loss of fixed options."
            );
        function.eval();
        function.Clock = new(model.Summary.Steps, model.Summary.Epochs, model.Summary.Epochs);
    }

    /// <summary>The names of the terms of a detector's loss.</summary>
    public static string[] TermsOf(DetectionModel model) => [.. DetectionObjective.Of(model.LossOptions()).Terms.Select(term => term.Name)];

    /// <summary>What each term adds to the loss.</summary>
    /// <param name="output">What the head says of the image, in main memory.</param>
    /// <param name="anchors">The anchors.</param>
    /// <param name="objects">The image's objects, in pixels of what the network read.</param>
    public float[] Of(HeadOutput output, AnchorGrid anchors, ImageObjects objects)
    {
        using var scope = NewDisposeScope();
        var builder = new AnchorTargetBuilder(anchors, model.LossFacts.Matching, sampling: null);
        var random = default(Data.RandomStream);
        builder.Add(objects, ref random);
        var targets = builder.Build();
        foreach (var (_, tensor) in targets.ToInputs())
            scope.Attach(tensor);
        lock (gate) // a built loss serves one thread at a time
            return
            [
                .. function
                    .EvaluateTerms(inputs.Make(output, targets))
                    .Terms.Select(term => (float)(term.Weight * term.Value.to(ScalarType.Float64).item<double>())),
            ];
    }
}
