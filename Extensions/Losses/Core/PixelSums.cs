using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// The values and weights of each image added up, of a loss whose terms of a pixel are made of that pixel's inputs alone. The formula goes over parts of the
/// pixels and each part is differentiated at once: beside the gradient only one part's graph is held, in the processor's cache.
/// </summary>
internal static class PixelSums
{
    /// <summary>
    /// The sums as terms [N]. Null where the terms must be taken: inputs are small, on another device or not all over pixels, or the formula refuses them or
    /// has more than values and weights.
    /// </summary>
    /// <param name="loss">Says which inputs are read.</param>
    /// <param name="call">The inputs.</param>
    /// <param name="terms">
    /// The formula for the call of a part and the part's number. It may be asked for a part again, also in the backward pass, and must then give the same.
    /// </param>
    public static LossTerms? Of(Loss loss, LossCall call, Func<LossCall, long, LossTerms> terms)
    {
        if (!Serve(loss, call))
            return null;
        string[] names = [.. Names(loss, call)];
        Tensor[] inputs = [.. names.Select(name => call[name])];
        var work = new Work(PixelParts.Of(call["logits"])!, call, names, terms);
        try
        {
            return KnownSums.Of(work, inputs, input => work.Parts.BatchAxis(input.dim()));
        }
        catch (ArgumentException)
        {
            return null; // the whole says what is wrong, and where
        }
    }

    /// <summary>Whether the inputs of a call are large and over pixels, all of them.</summary>
    public static bool Serve(Loss loss, LossCall call) =>
        PixelParts.Of(call.Optional("logits")) is { } parts
        && Names(loss, call).All(name => parts.Fit(call[name]))
        && call.Optional("weights") is not { requires_grad: true }; // the denominator may then depend on inputs through them

    private static IEnumerable<string> Names(Loss loss, LossCall call) =>
        loss.RequiredInputs.Concat(loss.OptionalInputs).Where(name => call.Optional(name) is not null);

    /// <summary>The formula over the parts of inputs.</summary>
    private sealed record Work(PixelParts Parts, LossCall Call, string[] Names, Func<LossCall, long, LossTerms> Terms) : ISumWork
    {
        // None when the formula has more than values and weights.
        public MadeSums? Compute(IReadOnlyList<Tensor> inputs)
        {
            bool[] wanted = [.. inputs.Select(KnownGradient.IsWanted)];
            using var mode = set_grad_enabled(wanted.Contains(true));
            var gradients = new Tensor?[inputs.Count];
            Tensor[] flat = [.. inputs.Select(input => Parts.Flat(input.detach()))];
            // Made before the parts: what a part leaves behind would lie between the holes of what it frees, and keep the next part out of them.
            var (sums, weights) = (Parts.Numbers(inputs[0]), Parts.Numbers(inputs[0]));
            for (var part = 0L; part < Parts.Count; part++)
            {
                using var scope = NewDisposeScope();
                Tensor[] leaves = [.. flat.Select((input, i) => Parts.Cut(input, part).detach().requires_grad_(wanted[i]))];
                if (Sum(leaves, part) is not { } found)
                    return null;
                Parts.Set(sums, part, found.Values.detach());
                Parts.Set(weights, part, found.Weights);
                if (!found.Values.requires_grad)
                    continue;
                found.Values.sum().backward();
                using var plain = no_grad();
                for (var i = 0; i < leaves.Length; i++)
                    if (leaves[i].grad is { } gradient)
                        Parts
                            .Cut(Parts.Flat(gradients[i] ??= empty(inputs[i].shape, inputs[i].dtype).MoveToOuterDisposeScope()), part)
                            .copy_(gradient);
            }
            return new(Parts.ByImage(sums), Parts.ByImage(weights), gradients);
        }

        public Tensor OnGraph(IReadOnlyList<Tensor> inputs)
        {
            Tensor[] flat = [.. inputs.Select(Parts.Flat)];
            var sums = new List<Tensor>();
            for (var part = 0L; part < Parts.Count; part++)
                sums.Add(Sum([.. flat.Select(input => Parts.Cut(input, part))], part)!.Value.Values);
            return Parts.ByImage(cat(sums));
        }

        // The sums of w l and w of each image of a part.
        private (Tensor Values, Tensor Weights)? Sum(Tensor[] inputs, long part)
        {
            var named = new LossInputs();
            foreach (var (name, input) in Names.Zip(inputs))
                named[name] = input;
            var terms = Terms(Call.Part(named), part);
            if (terms.IsSingle || !terms.ByRow || !terms.HasSum || terms.More.Count > 0)
                return null;
            if (terms.Divisor is not null || terms.Constant is not null)
                return null;
            var values = LossReducer.Weigh(terms, null).flatten(1).sum(1);
            using var plain = no_grad();
            var (rows, count) = (values.shape[0], terms.Values.numel() / values.shape[0]);
            if (terms.Weights is not { } weights)
                return (values, full_like(values, count));
            // Broadcasting repeats every weight equally often.
            var byRow = weights.dim() == terms.Values.dim() && weights.shape[0] == rows;
            var sum = byRow ? weights.flatten(1).sum(1) : weights.sum().expand(rows);
            return (values, sum * ((double)count / (weights.numel() / (byRow ? rows : 1))));
        }
    }
}
