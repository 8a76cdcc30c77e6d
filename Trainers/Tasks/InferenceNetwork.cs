using MLNetLosses.Networks;
using MLNetLosses.Training;
using static TorchSharp.torch;

namespace MLNetLosses;

/// <summary>
/// A network of this library for inference, on one device. The weights are kept as managed bytes, as they are saved; the network that
/// computes is made of them when it is needed and freed by <see cref="Dispose"/>, or when its last user has left. ML.NET disposes a model
/// together with any one of its prediction engines, so later use must still work: it makes the network again.
/// </summary>
/// <typeparam name="TNetwork">The network.</typeparam>
internal sealed class InferenceNetwork<TNetwork> : IDisposable
    where TNetwork : nn.Module
{
    private const int HeaderBytes = 1 << 16;
    private readonly ReadOnlyMemory<byte> weights;
    private readonly Func<TensorFile, TNetwork> make;
    private readonly Lock gate = new();
    private TNetwork? network;
    private int users;
    private bool freeWhenIdle;

    /// <param name="weights">A file of safetensors.</param>
    /// <param name="make">Makes the network of the file, ready to compute, on its device.</param>
    /// <exception cref="InvalidDataException">The bytes do not hold the network.</exception>
    public InferenceNetwork(ReadOnlyMemory<byte> weights, Func<TensorFile, TNetwork> make)
    {
        (this.weights, this.make) = (weights, make);
        network = Make(); // weights that do not fit are an error now, not at the first prediction
    }

    /// <summary>A copy of the weights of a trained network.</summary>
    public static ReadOnlyMemory<byte> WeightsOf(nn.Module trained) => WeightsOf(trained.state_dict());

    /// <summary>A copy of tensors by name.</summary>
    public static ReadOnlyMemory<byte> WeightsOf(IReadOnlyDictionary<string, Tensor> values)
    {
        var bytes = values.Values.Sum(tensor => tensor.NumberOfElements * tensor.dtype.Size);
        var stream = new MemoryStream((int)Math.Min(bytes + HeaderBytes, Array.MaxLength)); // one that grows holds three times as much for a while
        SafetensorsWriter.Write(stream, values);
        return stream.GetBuffer().AsMemory(0, (int)stream.Length);
    }

    /// <summary>Reads what <see cref="Save"/> wrote.</summary>
    public static ReadOnlyMemory<byte> ReadWeights(Stream stream)
    {
        using var copy = new MemoryStream();
        stream.CopyTo(copy);
        return copy.ToArray(); // what a stream has grown to is kept as long as the model
    }

    /// <summary>Gives every tensor of the network its values from the file.</summary>
    /// <exception cref="InvalidDataException">Tensors are missing or of another shape.</exception>
    public static void Fill(nn.Module network, string name, TensorFile file)
    {
        var report = WeightLoader.Load(network, name, headName: null, stemName: null, file);
        if (report.Kept.Count > 0)
            throw new InvalidDataException($"the weights of {string.Join(", ", report.Kept.Take(3))} are missing or of another shape");
    }

    /// <summary>The network, which stays until the user is disposed. Several may use it at once.</summary>
    public User Use()
    {
        lock (gate)
        {
            network ??= Make();
            users++;
            return new(this, network);
        }
    }

    public void Save(Stream stream) => stream.Write(weights.Span);

    public void Dispose()
    {
        lock (gate)
        {
            freeWhenIdle = true;
            FreeIfIdle();
        }
    }

    private void Leave()
    {
        lock (gate)
        {
            users--;
            FreeIfIdle();
        }
    }

    private void FreeIfIdle()
    {
        if (!freeWhenIdle || users > 0)
            return;
        freeWhenIdle = false;
        network?.Dispose();
        network = null;
    }

    private TNetwork Make()
    {
        NativeMemory.KeepLargeBlocks(); // a detector takes two thirds of the time
        using var file = TensorFile.Read(weights, "network.safetensors");
        var made = make(file);
        foreach (var module in made.modules())
            (module as Convolution)?.ArrangeForInference();
        return made;
    }

    /// <summary>Holds the network while it computes.</summary>
    public readonly ref struct User(InferenceNetwork<TNetwork> owner, TNetwork network)
    {
        public TNetwork Network => network;

        public void Dispose() => owner.Leave();
    }
}
