using MLNetLosses.Interop;
using MLNetLosses.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Networks;

/// <summary>
/// Convolutions 3x3 with stride 1 and a border of zeros, of several maps by the same weight [K, C, 3, 3]: by Winograd's F(4x4, 3x3) (Lavin and Gray 2016),
/// with a quarter of the multiplications of the sum itself, in the value and in both gradients. Equal to it but for rounding: some 1e-5 of the largest number.
/// </summary>
internal sealed class WinogradConvolution : autograd.MultiTensorFunction<WinogradConvolution>
{
    private const int ChannelBlock = 16;
    private const int LeastChannels = 192;
    private const int LeastTiles = 128;

    // Products of so many tiles are held at once: 16 MB of them.
    private const int HeldNumbers = 1 << 22;

    private static readonly double[,] Filters = Squared(WinogradTransform.Filter);

    public override string Name => nameof(WinogradConvolution);

    /// <summary>
    /// Whether maps are worth it: single precision on the CPU, enough channels to make up for the changed pixels, and enough pixels to make up for the changed
    /// weights. The number of images does not matter, so that what is computed of an image does not depend on its neighbours. Measured on two threads of an EPYC, the time of oneDNN's direct convolution over this one's, forward and backward: 1.2 to 1.3 for the five levels of a
    /// pyramid of 256 channels (4 images of 320 x 448), 1.0 for its second level alone, 0.5 to 0.9 for maps of 64 and 128 channels and for 4 maps of 512 x 10 x 14.
    /// </summary>
    public static bool Suits(IReadOnlyList<Tensor> maps, Tensor weight) =>
        weight.shape is [>= LeastChannels and var outputs, >= LeastChannels and var inputs, 3, 3]
        && outputs % ChannelBlock == 0
        && inputs % ChannelBlock == 0
        && weight.device_type == DeviceType.CPU
        && weight.dtype == ScalarType.Float32
        && maps.All(map => map.device_type == DeviceType.CPU && map.dtype == ScalarType.Float32)
        && MapTiles.CountPerImage(maps) >= LeastTiles;

    /// <summary>From maps [N, C, H, W] to maps [N, K, H, W].</summary>
    public static IReadOnlyList<Tensor> Of(IReadOnlyList<Tensor> maps, Tensor weight, Tensor? bias)
    {
        using var scope = NewDisposeScope(); // TorchSharp makes an unused tensor of the size of each result
        IReadOnlyList<Tensor> results =
            !is_grad_enabled() ? Compute(maps, Products(weight), bias)
            : bias is null ? apply([false, weight, .. maps])
            : apply([true, weight, bias, .. maps]);
        foreach (var map in results)
            scope.MoveToOuter(map);
        return results;
    }

    public override List<Tensor> forward(autograd.AutogradContext ctx, params object[] vars)
    {
        using var scope = NewDisposeScope();
        var hasBias = (bool)vars[0];
        var tensors = vars.Skip(1).Cast<Tensor>().ToArray();
        ctx.save_for_backward([.. tensors]);
        ctx.save_data(nameof(hasBias), hasBias);
        ctx.set_materialize_grads(false);
        var results = Compute(tensors[(hasBias ? 2 : 1)..], Products(tensors[0]), hasBias ? tensors[1] : null);
        return [.. results.Select(map => map.MoveToOuterDisposeScope())];
    }

    // An exception here would end the process: it would have to pass through native code.
    public override List<Tensor> backward(autograd.AutogradContext ctx, List<Tensor> grad_outputs)
    {
        FreeReturned();
        using var scope = NewDisposeScope();
        var hasBias = (bool)ctx.get_data("hasBias");
        var saved = ctx.get_saved_variables().ToArray();
        var (weight, bias, maps) = (saved[0], hasBias ? saved[1] : null, saved[(hasBias ? 2 : 1)..]);
        var outer = grad_outputs.Select((g, i) => g.IsInvalid ? NewMap(maps[i], weight.shape[0]).zero_() : g).ToArray();
        var differentiated = is_grad_enabled();
        var gradients = (differentiated ? Differentiable(maps, weight, bias, outer) : Fast(maps, weight, bias, outer)).ToArray();
        foreach (var gradient in gradients)
            gradient?.MoveToOuterDisposeScope();
        if (!differentiated)
        {
            foreach (var gradient in grad_outputs)
                gradient.Dispose();
            returned = gradients;
            FinalBackward.Free(ctx);
        }
        return [null!, .. gradients.Select(gradient => gradient!)];
    }

    // What TorchSharp gives to and takes from a backward pass would live as long as the step, and every convolution's gradients with it. What was returned is
    // the graph's own by the time that the next convolution is asked.
    [ThreadStatic]
    private static Tensor?[]? returned;

    private static void FreeReturned()
    {
        foreach (var gradient in returned ?? [])
            gradient?.Dispose();
        returned = null;
    }

    private static IEnumerable<Tensor?> Fast(Tensor[] maps, Tensor weight, Tensor? bias, Tensor[] outer)
    {
        var gradients = outer.Select(ChannelOrder.Last).ToArray();
        yield return weight.requires_grad ? WeightGradient(maps, gradients, weight) : null;
        if (bias is not null)
            yield return bias.requires_grad ? BiasGradient(gradients) : null;
        if (!maps.Any(map => map.requires_grad))
        {
            foreach (var _ in maps)
                yield return null;
            yield break;
        }
        // The transposed operation: the same with the weight turned around and inputs in place of outputs.
        foreach (var gradient in Compute(gradients, Products(weight.flip(2, 3).transpose(0, 1)), null))
            yield return gradient;
    }

    private static IEnumerable<Tensor?> Differentiable(Tensor[] maps, Tensor weight, Tensor? bias, Tensor[] outer)
    {
        var values = maps.Select(map => nn.functional.conv2d(map, weight, bias, [1, 1], [1, 1])).ToArray();
        Tensor[] all = bias is null ? [weight, .. maps] : [weight, bias, .. maps];
        var wanted = all.Where(tensor => tensor.requires_grad).ToArray();
        var found = new Queue<Tensor>(autograd.grad(values, wanted, outer, retain_graph: true, create_graph: true));
        foreach (var tensor in all)
            yield return tensor.requires_grad ? found.Dequeue() : null;
    }

    private static Tensor NewMap(Tensor like, long channels) => ChannelOrder.Empty(like.shape[0], channels, like.shape[2], like.shape[3]);

    /// <summary>Maps by a weight as <see cref="Products(Tensor)"/> gives it.</summary>
    private static Tensor[] Compute(IReadOnlyList<Tensor> maps, Tensor factors, Tensor? bias)
    {
        using var scope = NewDisposeScope();
        var (tiles, outputs, inputs) = (new MapTiles(maps), factors.shape[1], factors.shape[2]);
        var sources = maps.Select(ChannelOrder.Last).ToArray();
        var results = maps.Select(map => NewMap(map, outputs)).ToArray();
        var grouped = factors.view(-1, inputs, 1, 1);
        var offset = bias?.contiguous();
        foreach (var (from, count) in Parts(tiles, Math.Max(inputs, outputs)))
        {
            using var part = NewDisposeScope();
            var windows = tiles.Windows(sources, from, count);
            // A matrix product for each of the 36, as a convolution of pixels in 36 groups: oneDNN does it faster than the batched product of matrices.
            var pixels = windows.view(1, count, 1, -1).permute(0, 3, 1, 2);
            var products = nn.functional.conv2d(pixels, grouped, groups: MapTiles.Products);
            tiles.Write(products.permute(0, 2, 3, 1).contiguous().view(count, MapTiles.Products, outputs), offset, results, from);
        }
        return [.. results.Select(map => scope.MoveToOuter(map))];
    }

    /// <summary><c>G^T (sum over tiles of (A y A^T) (B^T d B)) G</c>.</summary>
    private static Tensor WeightGradient(Tensor[] maps, Tensor[] gradients, Tensor weight)
    {
        using var scope = NewDisposeScope();
        var (tiles, outputs, inputs) = (new MapTiles(maps), weight.shape[0], weight.shape[1]);
        var sources = maps.Select(ChannelOrder.Last).ToArray();
        var sums = zeros([MapTiles.Products, outputs, inputs], ScalarType.Float32);
        foreach (var (from, count) in Parts(tiles, Math.Max(inputs, outputs)))
        {
            using var part = NewDisposeScope();
            var windows = tiles.Windows(sources, from, count);
            var spreads = tiles.Spreads(gradients, from, count);
            sums.add_(spreads.permute(1, 2, 0).bmm(windows.permute(1, 0, 2)), Scalars.One);
        }
        var squared = tensor(Filters, ScalarType.Float32);
        var gradient = squared.t().mm(sums.view(MapTiles.Products, -1)).view(3, 3, outputs, inputs);
        return scope.MoveToOuter(gradient.permute(2, 3, 0, 1).contiguous());
    }

    private static Tensor BiasGradient(Tensor[] gradients)
    {
        using var scope = NewDisposeScope();
        var sum = gradients[0].sum([0, 2, 3]);
        foreach (var gradient in gradients.Skip(1))
            sum.add_(gradient.sum([0, 2, 3]), Scalars.One);
        return scope.MoveToOuter(sum);
    }

    /// <summary><c>G g G^T</c> of each pair of channels: [36, K, C].</summary>
    private static Tensor Products(Tensor weight)
    {
        using var scope = NewDisposeScope();
        var (outputs, inputs) = (weight.shape[0], weight.shape[1]);
        var factors = tensor(Filters, ScalarType.Float32).mm(weight.permute(2, 3, 0, 1).reshape(9, -1));
        return scope.MoveToOuter(factors.view(MapTiles.Products, outputs, inputs));
    }

    private static IEnumerable<(int From, int Count)> Parts(MapTiles tiles, long channels)
    {
        // Parts of the same length, so that the last is not a small rest.
        var most = Math.Max(LeastTiles, HeldNumbers / (MapTiles.Products * channels));
        var parts = (tiles.Count + most - 1) / most;
        for (var i = 0L; i < parts; i++)
        {
            var from = (int)(tiles.Count * i / parts);
            yield return (from, (int)(tiles.Count * (i + 1) / parts) - from);
        }
    }

    /// <summary>The matrix that does to 9 numbers what G does to both axes of 3 x 3: [36, 9].</summary>
    private static double[,] Squared(double[,] filter)
    {
        var result = new double[MapTiles.Products, 9];
        for (var i = 0; i < MapTiles.Products; i++)
        for (var j = 0; j < 9; j++)
            result[i, j] = filter[i / 6, j / 3] * filter[i % 6, j % 3];
        return result;
    }
}
