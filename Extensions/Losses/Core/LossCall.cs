using static TorchSharp.torch;

namespace MLNetLosses.Losses;

/// <summary>One evaluation of a loss: its inputs, its state, and where training stands.</summary>
public sealed class LossCall
{
    private readonly LossFunction function;
    private readonly LossCall outermost;
    private Dictionary<object, object>? shared;

    internal LossCall(LossFunction function, LossInputs inputs, LossCall? outermost = null)
    {
        this.function = function;
        this.outermost = outermost ?? this;
        Inputs = inputs;
    }

    /// <summary>The tensors by name.</summary>
    public LossInputs Inputs { get; }

    /// <summary>A tensor that must be there.</summary>
    /// <param name="name">Its name.</param>
    /// <exception cref="ArgumentException">It is missing.</exception>
    public Tensor this[string name] =>
        Inputs.Find(name)
        ?? throw new ArgumentException(
            $"{function.Definition.Name}: the input '{name}' is missing. It needs {string.Join(", ", function.Definition.RequiredInputs)}; given: {string.Join(", ", Inputs.Select(i => i.Key))}.",
            name
        );

    /// <summary>A tensor that may be there, or null.</summary>
    /// <param name="name">Its name.</param>
    public Tensor? Optional(string name) => Inputs.Find(name);

    /// <summary>What the loss learns or remembers.</summary>
    /// <exception cref="InvalidOperationException">The loss made no state.</exception>
    public LossState State => function.State ?? throw new InvalidOperationException($"{function.Definition.Name} has no state.");

    internal LossState? FoundState => function.State;

    /// <summary>Facts about the data.</summary>
    public LossContext Context => function.Context;

    /// <summary>Where training stands.</summary>
    public LossClock Clock => function.Clock;

    /// <summary>Whether the network is being trained; losses change their state only then.</summary>
    public bool Training => function.training;

    /// <summary>Whether to check values, which waits for the device; off in training loops after the first steps.</summary>
    public bool CheckValues => function.CheckValues;

    /// <summary>A list of numbers as a tensor of another tensor's type and device, made once.</summary>
    /// <param name="values">The numbers.</param>
    /// <param name="like">Gives type and device.</param>
    public Tensor Constant(IReadOnlyList<double> values, Tensor like) => function.Constant(values, like, () => [.. values]);

    /// <summary>Numbers that a loss derives from its options or the facts, as a tensor of another tensor's type and device, made once.</summary>
    /// <param name="name">What they are; unique within the loss.</param>
    /// <param name="like">Gives type and device.</param>
    /// <param name="values">Computes the numbers; called once.</param>
    public Tensor Constant(string name, Tensor like, Func<double[]> values) => function.Constant(name, like, values);

    /// <summary>The call of a loss inside this one, with the same inputs.</summary>
    /// <param name="name">Its name among <see cref="Loss.InnerLosses"/>.</param>
    public LossCall Inner(string name) => Inner(name, Inputs);

    /// <summary>The call of a loss inside this one, with other inputs.</summary>
    /// <param name="name">Its name among <see cref="Loss.InnerLosses"/>.</param>
    /// <param name="inputs">The tensors by name.</param>
    public LossCall Inner(string name, LossInputs inputs) => new(function.Inner(name), inputs, outermost);

    /// <summary>The call of the same loss with a part of the inputs.</summary>
    internal LossCall Part(LossInputs inputs) => new(function, inputs);

    /// <summary>What several losses of one call need, such as a network's features: made by the first that asks.</summary>
    /// <typeparam name="T">What it is.</typeparam>
    /// <param name="key">Tells it from others; compared by value.</param>
    /// <param name="make">Makes it; its tensors live as long as the call.</param>
    public T Shared<T>(object key, Func<T> make)
        where T : notnull
    {
        outermost.shared ??= [];
        if (!outermost.shared.TryGetValue(key, out var known))
            outermost.shared[key] = known = make();
        return (T)known;
    }

    /// <summary>The terms of this call's loss.</summary>
    public LossTerms Terms() => function.Definition.ComputeTerms(this);

    /// <summary>The terms of this call's loss added up over each row, or null: <see cref="Loss.ComputeRowSums"/>.</summary>
    internal LossTerms? RowSums() => function.Definition.ComputeRowSums(this);

    /// <summary>The reduced value of this call's loss.</summary>
    /// <param name="reduction">How to reduce.</param>
    public Tensor Evaluate(Reduction reduction = Reduction.Mean) => function.Evaluate(this, reduction);
}
