using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>
/// A loss: an immutable record of its hyper-parameters that also holds its formula. Compare by value, change with <c>with</c>, write with
/// <c>ToString()</c> or <c>ToJson()</c>, read with <see cref="Parse"/> or <see cref="FromJson"/>, combine with <c>a + 0.5 * b</c>.
/// What it may be used for is its static type (<see cref="ClassificationLoss"/>, <see cref="SegmentationLoss"/>, ...), so that a loss of the wrong
/// family does not compile.
/// </summary>
[DefinitionKind("loss", "Loss")]
public abstract record Loss : Definition
{
    /// <summary>Reads a loss from its one-line text form, or from JSON when the text starts with a brace.</summary>
    /// <param name="text">Such as <c>CrossEntropy(labelSmoothing: 0.1) + 0.5 * Focal(gamma: 3)</c>.</param>
    /// <exception cref="FormatException">The text is not a loss; the message says where and what is allowed.</exception>
    public static Loss Parse(string text) => Parse<Loss>(text);

    /// <summary>Reads a loss of a family from text or JSON.</summary>
    /// <typeparam name="T">The family, such as <see cref="ClassificationLoss"/>.</typeparam>
    /// <param name="text">The text form or JSON.</param>
    /// <exception cref="FormatException">The text is not a loss of the family; the message says where and what is allowed.</exception>
    public static T Parse<T>(string text)
        where T : Loss
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(text);
        return text.TrimStart().StartsWith('{') ? FromJson<T>(text) : (T)DefinitionText.Parse(text, typeof(T));
    }

    /// <summary>Reads a loss from its JSON form.</summary>
    /// <param name="json">Such as <c>{"loss": "Focal", "gamma": 3}</c>.</param>
    /// <exception cref="FormatException">Unknown name or option, wrong type or value out of range; the message lists what is allowed.</exception>
    public static Loss FromJson(string json) => FromJson<Loss>(json);

    /// <summary>Reads a loss of a family from its JSON form.</summary>
    /// <typeparam name="T">The family.</typeparam>
    /// <param name="json">Such as <c>{"loss": "Focal", "gamma": 3}</c>.</param>
    /// <exception cref="FormatException">Unknown name or option, wrong type or family, or value out of range; the message lists what is allowed.</exception>
    public static T FromJson<T>(string json)
        where T : Loss => (T)DefinitionJson.Deserialize(json, typeof(T));

    /// <summary>
    /// Makes the function that a training loop calls: the loss with its state for these data. The definition stays unchanged and may be built many times.
    /// </summary>
    /// <param name="context">Facts about the data; null: none, enough for losses without state.</param>
    /// <exception cref="ArgumentException">The options contradict each other, or the loss needs a fact that the context lacks.</exception>
    /// <exception cref="DllNotFoundException">TorchSharp's native library does not load; the message says why and what to do.</exception>
    public LossFunction Build(LossContext? context = null)
    {
        Interop.NativeLibraryCheck.Ensure();
        return new(this, context ?? new LossContext());
    }

    /// <summary>The value for named inputs, for a loss without state.</summary>
    /// <param name="inputs">The tensors by name.</param>
    /// <param name="reduction">How the terms become the value.</param>
    /// <returns>The value; it lives in the caller's dispose scope.</returns>
    /// <exception cref="ArgumentException">An input is missing or has the wrong shape, type or values; or the loss has state (build it instead).</exception>
    public Tensor Compute(LossInputs inputs, Reduction reduction = Reduction.Mean)
    {
        using var function = Build();
        return function.Evaluate(inputs, reduction);
    }

    /// <summary>Makes the state of a loss that learns or remembers; null (the default) for one that does not.</summary>
    /// <param name="context">Facts about the data.</param>
    protected internal virtual LossState? CreateState(LossContext context) => null;

    /// <summary>The losses inside this one, by the names under which <see cref="LossCall.Inner(string)"/> finds them.</summary>
    protected internal virtual IEnumerable<(string Name, Loss Loss)> InnerLosses => [];

    /// <summary>The names of the inputs that must be given.</summary>
    public abstract IReadOnlyList<string> RequiredInputs { get; }

    /// <summary>The names of further inputs that the loss reads where given, besides <c>weights</c>.</summary>
    public virtual IReadOnlyList<string> OptionalInputs => [];

    /// <summary>The least number of rows that the formula has a meaning for; fewer throw. Default 1.</summary>
    protected internal virtual int MinimumRows => 1;

    /// <summary>Whether axis 0 of the inputs runs over the rows of the batch, whose order does not matter. Default true.</summary>
    protected internal virtual bool RowsFirst => true;

    /// <summary>Whether the gradient is the derivative of the value; false for update rules and for weights held constant.</summary>
    protected internal virtual bool HasTrueGradient => true;

    /// <summary>Whether the formula reads the input <c>weights</c> itself; by default the reduction applies them.</summary>
    protected internal virtual bool AppliesWeights => false;

    /// <summary>The formula: terms and weights of terms for the inputs of a call.</summary>
    /// <param name="call">The inputs, the state, and where training stands.</param>
    protected internal abstract LossTerms ComputeTerms(LossCall call);

    /// <summary>
    /// As <see cref="ComputeTerms"/>, for a mean or sum: the values and weights of each row of the batch may be added up, [N], where that needs less time and
    /// memory. Null (the default) takes the terms.
    /// </summary>
    /// <param name="call">As for <see cref="ComputeTerms"/>; inputs are not yet checked.</param>
    internal virtual LossTerms? ComputeRowSums(LossCall call) => null;

    /// <summary>
    /// torch's own fused kernel for the mean without weights, where there is one; null (the default) takes the terms.
    /// </summary>
    /// <param name="call">As for <see cref="ComputeTerms"/>; inputs are not yet checked.</param>
    protected internal virtual Tensor? FusedMean(LossCall call) => null;

    /// <summary>Shapes the input <c>weights</c> so that it broadcasts to the values: by default one weight a row of the batch.</summary>
    /// <param name="weights">The input, [N].</param>
    /// <param name="values">The values, [N, ...].</param>
    /// <exception cref="ArgumentException">The shapes do not fit.</exception>
    protected internal virtual Tensor ShapeWeights(Tensor weights, Tensor values)
    {
        if (weights.dim() != 1 || values.dim() == 0 || weights.shape[0] != values.shape[0])
            throw new ArgumentException(
                $"{Name}: weights must be [N] with one weight a row, here [{(values.dim() == 0 ? "" : values.shape[0])}]; it is {Shapes.Text(weights)}.",
                "weights"
            );
        return weights.reshape([weights.shape[0], .. Enumerable.Repeat(1L, (int)values.dim() - 1)]);
    }
}
