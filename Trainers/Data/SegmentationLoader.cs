using MLNetLosses.Losses;
using MLNetLosses.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.Data;

/// <summary>What a loss wants to be given besides the targets, made of them.</summary>
/// <param name="Name">The name of the input.</param>
/// <param name="Make">From targets [1, ...] to the input [1, ...]; called on several threads.</param>
internal sealed record TargetMap(string Name, Func<Tensor, Tensor> Make);

/// <summary>
/// Batches of images and masks. Threads of their own decode, cut, mirror and put together bytes ahead of the network, and make what losses want of masks;
/// the thread that takes a batch brings it to the device and augments the images there. An epoch is a pure function of the options and its number.
/// </summary>
/// <param name="images">The images, disposed by the caller after the loader.</param>
/// <param name="positions">Those that are used.</param>
/// <param name="size">The size of what the network is given.</param>
/// <param name="layers">Layers of the masks; 0: class indices.</param>
/// <param name="outside">What masks hold outside the images.</param>
/// <param name="maps">Further inputs of the loss.</param>
/// <param name="options">How batches are made.</param>
internal sealed class SegmentationLoader(
    MaskedImageStore images,
    IReadOnlyList<int> positions,
    (int Width, int Height) size,
    int layers,
    byte outside,
    IReadOnlyList<TargetMap> maps,
    ImageLoaderOptions options
) : IBatchSource, IDisposable
{
    private const long CropPurpose = 0xC209;
    private readonly PixelNormalization normalization = new(images.Preprocessing);
    private readonly Dictionary<(int Position, int Map), Tensor> knownMaps = [];

    public int Count => positions.Count;

    public int BatchCount =>
        options.DropLast ? Math.Max(1, Count / options.BatchSize) : (int)(((long)Count + options.BatchSize - 1) / options.BatchSize);

    private int Channels => images.Preprocessing.Channels;

    public IEnumerable<TrainingBatch> Read(int epoch, CancellationToken cancellation)
    {
        var order = EpochOrder.Make(options.Order, new int[Count], options.Seed, epoch);
        using var queue = new BatchQueue<RawBatch>(
            0,
            BatchCount,
            options.Readers,
            options.QueueLength,
            (step, stopped) => Gather(order, epoch, step, stopped)
        );
        while (queue.Take(cancellation) is { } raw)
        {
            using (raw)
                yield return Finish(raw);
        }
    }

    public void Dispose()
    {
        foreach (var map in knownMaps.Values)
            map.Dispose();
        knownMaps.Clear();
    }

    private RawBatch Gather(int[] order, int epoch, int step, CancellationToken stopped)
    {
        var first = step * options.BatchSize;
        var places = order.AsSpan(first, Math.Min(options.BatchSize, order.Length - first)).ToArray();
        var (width, height) = size;
        var plan = AugmentationPlan.Sample(options.Augmentation, places.Length, width, height, options.Seed, epoch, step);
        var depth = Math.Max(1, layers);
        var pixels = empty([places.Length, Channels, height, width], ScalarType.Byte).DetachFromDisposeScope();
        var masks = empty(layers == 0 ? [places.Length, height, width] : [places.Length, layers, height, width], ScalarType.Byte)
            .DetachFromDisposeScope();
        var raw = new RawBatch(plan, pixels, masks, [.. places.Select(place => images.Row(positions[place]))]);
        try
        {
            var (pixelBytes, maskBytes) = (Channels * width * height, depth * width * height);
            byte[]? pixelPart = null,
                maskPart = null;
            for (var i = 0; i < places.Length; i++)
            {
                stopped.ThrowIfCancellationRequested();
                var sample = images.Read(positions[places[i]]);
                var image = sample.Pixels.Span;
                var mask = sample.Mask.Span;
                var whole = sample.Width == width && sample.Height == height;
                if (!whole)
                {
                    var window = Window(sample, epoch, step, i);
                    ExactGeometry.Copy(window, image, pixelPart ??= new byte[pixelBytes], plan.Fill);
                    ExactGeometry.Copy(window, mask, maskPart ??= new byte[maskBytes], outside);
                    image = pixelPart;
                    mask = maskPart;
                }
                BatchAugmentation.Place(plan, i, image, pixels.bytes.Slice(i * pixelBytes, pixelBytes));
                MaskGeometry.Move(plan.Geometry[i], mask, masks.bytes.Slice(i * maskBytes, maskBytes), outside);
            }
            for (var map = 0; map < maps.Count; map++)
                raw.Maps.Add(Together(map, places, plan, masks));
            return raw;
        }
        catch
        {
            raw.Dispose();
            throw;
        }
    }

    /// <summary>A random part of an image; an image that is smaller stands at a random place.</summary>
    private GeometricTransform Window(in MaskedImage sample, int epoch, int step, int index)
    {
        var random = new RandomStream(CropPurpose, options.Seed, epoch, step, index);
        int Start(int length, int wanted, ref RandomStream random)
        {
            var start = random.Below(Math.Abs(length - wanted) + 1);
            return length >= wanted ? start : -start;
        }
        var left = Start(sample.Width, size.Width, ref random);
        var top = Start(sample.Height, size.Height, ref random);
        return GeometricTransform.Crop(sample.Width, sample.Height, left, top, size.Width, size.Height);
    }

    private Tensor Together(int map, int[] places, AugmentationPlan plan, Tensor masks)
    {
        using var scope = NewDisposeScope();
        return cat([.. places.Select((place, i) => MapOf(map, place, plan.Geometry[i], masks.narrow(0, i, 1)))]).DetachFromDisposeScope();
    }

    /// <summary>The map of an image; where the whole image is shown, at most mirrored, it is made once.</summary>
    private Tensor MapOf(int map, int place, GeometricTransform shown, Tensor mask)
    {
        var (width, height) = images.SizeOf(positions[place]);
        if (!MaskGeometry.IsFlip(shown) || (width, height) != size)
            return maps[map].Make(Targets(mask));
        long[] mirrored = [.. shown.XX < 0 ? new long[] { -1 } : [], .. shown.YY < 0 ? new long[] { -2 } : []];
        Tensor? known;
        lock (knownMaps)
            knownMaps.TryGetValue((place, map), out known);
        if (known is not null)
            return mirrored.Length == 0 ? known.alias() : known.flip(mirrored);
        var made = maps[map].Make(Targets(mask));
        if (images.TryReserve(made.NumberOfElements * made.element_size()))
        {
            var kept = (mirrored.Length == 0 ? made.clone() : made.flip(mirrored)).DetachFromDisposeScope();
            lock (knownMaps)
                if (!knownMaps.TryAdd((place, map), kept))
                    kept.Dispose();
        }
        return made;
    }

    private Tensor Targets(Tensor masks) => masks.to(layers == 0 ? ScalarType.Int64 : ScalarType.Float32);

    private TrainingBatch Finish(RawBatch raw)
    {
        using var scope = NewDisposeScope();
        using var guard = no_grad();
        var device = options.Device;
        var pixels = BatchAugmentation.Apply(raw.Plan, raw.Pixels.to(device), normalization);
        var inputs = new LossInputs { ["targets"] = Targets(raw.Masks.to(device)).DetachFromDisposeScope() };
        for (var map = 0; map < maps.Count; map++)
            inputs[maps[map].Name] = raw.Maps[map].to(device).alias().DetachFromDisposeScope();
        return new(pixels.DetachFromDisposeScope(), inputs, raw.Rows);
    }

    private sealed record RawBatch(AugmentationPlan Plan, Tensor Pixels, Tensor Masks, long[] Rows) : IDisposable
    {
        public List<Tensor> Maps { get; } = [];

        public void Dispose()
        {
            Pixels.Dispose();
            Masks.Dispose();
            foreach (var map in Maps)
                map.Dispose();
        }
    }
}
