namespace MLNetLosses.Training;

/// <summary>What may be wrong with a training.</summary>
public enum FindingKind
{
    /// <summary>The loss rises far above what it had reached, and stays there.</summary>
    Divergence,

    /// <summary>Single intervals whose loss stands far out of the spread around the trend.</summary>
    Spikes,

    /// <summary>The loss has stopped falling long before the end.</summary>
    Plateau,

    /// <summary>The training loss falls while the validation gets worse.</summary>
    Overfitting,

    /// <summary>One term of a sum gives nearly all of the gradient.</summary>
    DominatingTerm,

    /// <summary>A term of a sum gives nearly nothing of the gradient.</summary>
    DeadTerm,

    /// <summary>The gradients of two terms point against each other.</summary>
    ConflictingTerms,

    /// <summary>The gradient grows by orders of magnitude.</summary>
    ExplodingGradient,

    /// <summary>The gradient is nearly 0 although the loss is not.</summary>
    VanishingGradient,

    /// <summary>A class with examples is never predicted.</summary>
    ClassNeverPredicted,

    /// <summary>Updates are tiny and the loss falls steadily but slowly.</summary>
    LearningRateTooSmall,

    /// <summary>Updates are large and the loss jumps up and down or rises.</summary>
    LearningRateTooLarge,

    /// <summary>Rows whose loss stays high while the others are learnt: their labels may be wrong.</summary>
    LabelNoise,

    /// <summary>A value became NaN or infinite.</summary>
    NotANumber,
}

/// <summary>What has become of a finding.</summary>
public enum FindingState
{
    /// <summary>It was seen for the first time, or again after it was over.</summary>
    Found,

    /// <summary>It is twice as bad as when it was last told, or worse; the evidence is new.</summary>
    Worse,

    /// <summary>It is no longer seen; the evidence is the last that there was.</summary>
    Over,
}

/// <summary>Something that may be wrong with a training, with the evidence for it and what to try.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Subject">What it is about: a term, a class, ... Empty: the training as a whole.</param>
/// <param name="Evidence">The numbers that show it, in a sentence.</param>
/// <param name="Advice">What to try, in a sentence.</param>
/// <param name="Step">The optimizer step up to which the training was looked at.</param>
public sealed record Finding(FindingKind Kind, string Subject, string Evidence, string Advice, long Step)
{
    /// <summary>What has become of it.</summary>
    public FindingState State { get; init; }

    /// <summary>The epoch in which it was found, from 1; 0: not known.</summary>
    public int FirstEpoch { get; init; }

    /// <summary>The last epoch in which it was seen, as far as is known.</summary>
    public int LastEpoch { get; init; }

    /// <summary>How bad it is, as a number that only findings of one kind and subject share; 0: bad or not, nothing between.</summary>
    [System.Text.Json.Serialization.JsonInclude]
    internal double Severity { get; init; }

    /// <summary>When it was there, in words: <c>since epoch 3</c>, <c>epochs 3 to 6, no longer seen</c>; empty where nobody knows.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    internal string Time =>
        FirstEpoch == 0 ? ""
        : State != FindingState.Over ? $"since epoch {FirstEpoch}"
        : (FirstEpoch == LastEpoch ? $"epoch {FirstEpoch}" : $"epochs {FirstEpoch} to {LastEpoch}") + ", no longer seen";

    /// <summary>All of it in a line, for logs and consoles.</summary>
    public override string ToString() =>
        State switch
        {
            FindingState.Over => $"Over, step {Step}: {Title} ({Time}). It was: {Evidence}",
            FindingState.Worse => $"Worse, step {Step}: {Title} ({Time}). {Evidence} Try: {Advice}",
            _ => $"Step {Step}: {Title}. {Evidence} Try: {Advice}",
        };

    /// <summary>What it is, in words: <c>overfitting</c>, <c>dominating term 'dice'</c>.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public string Title
    {
        get
        {
            var words =
                Kind == FindingKind.NotANumber
                    ? "a value is not a number"
                    : System.Text.RegularExpressions.Regex.Replace($"{Kind}", "(?<!^)[A-Z]", m => " " + m.Value.ToLowerInvariant());
            words = char.ToLowerInvariant(words[0]) + words[1..];
            return Subject.Length == 0 ? words : $"{words}: {Subject}";
        }
    }
}
