using System.Runtime.InteropServices;
using MLNetLosses.Data;
using MLNetLosses.Losses;
using MLNetLosses.Networks;
using MLNetLosses.Training;
using static TorchSharp.torch;

namespace MLNetLosses;

/// <summary>
/// Batches of images of different sizes, each augmented on its own and laid into the upper left of a common size, with what their anchors shall learn. Threads of their own make
/// them ahead of the network. An epoch is a pure function of the options and its number.
/// </summary>
internal sealed class DetectionBatches : IBatchSource
{
    private const long SizePurpose = 0xB0C5;
    private const long SamplingPurpose = 0xB0C6;
    private const int QueueLength = 3;

    private readonly DetectionRows rows;
    private readonly int[] positions;
    private readonly int[] order;
    private readonly ObjectDetectionTrainer.Options options;
    private readonly DetectionNetwork network;
    private readonly PixelNormalization normalization;
    private readonly Device device;
    private readonly long seed;
    private readonly int largest;

    /// <param name="rows">Images and objects.</param>
    /// <param name="positions">Those that are used.</param>
    /// <param name="options">How batches are made.</param>
    /// <param name="network">Tells the anchors.</param>
    /// <param name="preprocessing">Colours and their normalisation.</param>
    /// <param name="device">Where batches are handed over.</param>
    /// <param name="seed">Decides order and augmentation.</param>
    public DetectionBatches(
        DetectionRows rows,
        int[] positions,
        ObjectDetectionTrainer.Options options,
        DetectionNetwork network,
        ImagePreprocessing preprocessing,
        Device device,
        long seed
    )
    {
        (this.rows, this.positions, this.options, this.network) = (rows, positions, options, network);
        (this.device, this.seed) = (device, seed);
        normalization = new(preprocessing);
        order = [.. positions.Select(_ => 0)];
        largest = LargestSize(options);
    }

    /// <summary>The shorter side that images are kept in memory with: the largest that a batch may ask for.</summary>
    public static int LargestSize(ObjectDetectionTrainer.Options options) =>
        options.TrainingImageSizes is { Count: > 0 } sizes ? sizes.Max() : options.ImageSize;

    public int ReaderThreads => options.ReaderThreads ?? new ImageLoaderOptions().Readers;

    /// <summary>What became of the boxes of the first epoch.</summary>
    public BoxTally Tally { get; } = new();

    public int BatchCount =>
        options.DropLastBatch
            ? Math.Max(1, positions.Length / options.BatchSize)
            : (positions.Length + options.BatchSize - 1) / options.BatchSize;

    public IEnumerable<TrainingBatch> Read(int epoch, CancellationToken cancellation)
    {
        var shuffled = EpochOrder.Make(SampleOrder.Shuffled, order, seed, epoch);
        using var queue = new BatchQueue<TrainingBatch>(
            0,
            BatchCount,
            ReaderThreads,
            QueueLength,
            (step, stopped) => Gather(shuffled, epoch, step, stopped)
        );
        while (queue.Take(cancellation) is { } batch)
            yield return OnDevice(batch);
    }

    private TrainingBatch Gather(int[] shuffled, int epoch, int step, CancellationToken stopped)
    {
        using var frozen = no_grad();
        using var scope = NewDisposeScope();
        var first = step * options.BatchSize;
        var members = shuffled.AsSpan(first, Math.Min(options.BatchSize, shuffled.Length - first)).ToArray();
        var factor = DrawnFactor(epoch, step);
        var images = new DetectionImage[members.Length];
        var objects = new ImageObjects[members.Length];
        for (var i = 0; i < members.Length; i++)
        {
            stopped.ThrowIfCancellationRequested();
            (images[i], objects[i]) = Make(members[i], first + i, epoch, factor);
        }
        var height = DetectionSizing.RoundUp(images.Max(image => image.Height), network.SizeDivisor);
        var width = DetectionSizing.RoundUp(images.Max(image => image.Width), network.SizeDivisor);
        var input = zeros([images.Length, normalization.Channels, height, width], ScalarType.Float32);
        var targets = new AnchorTargetBuilder(network.Anchors.For(height, width), options.UsedMatching, options.Sampling);
        var random = new RandomStream(SamplingPurpose, seed, epoch, step);
        var numbers = MemoryMarshal.Cast<byte, float>(input.bytes);
        var plane = normalization.Channels * height * width;
        for (var i = 0; i < images.Length; i++)
        {
            images[i].WriteTo(input, numbers.Slice(i * plane, plane), i);
            targets.Add(objects[i], ref random);
        }
        return new(
            input.DetachFromDisposeScope(),
            targets.Build().ToInputs(),
            [.. members.Select(member => rows.Images.Row(positions[member]))]
        );
    }

    /// <summary>An image of a batch, alone or as the first of a mosaic.</summary>
    private (DetectionImage Image, ImageObjects Objects) Make(int member, int draw, int epoch, double factor)
    {
        var alone = Single(member, draw);
        if (Mosaic.Partners(options.MosaicProbability, positions.Length, seed, epoch, draw) is not { } partners)
            return alone;
        // Draws of partners lie behind those of the epoch, so that each is changed in its own way.
        var behind = BatchCount * options.BatchSize + partners.Length * draw;
        return Mosaic.Make([alone, .. partners.Select((partner, i) => Single(partner, behind + i))], normalization);

        (DetectionImage, ImageObjects) Single(int member, int draw)
        {
            var position = positions[member];
            var image = DetectionImage.Make(
                rows.Images.Read(position),
                new(options.Augmentation, seed, epoch, draw),
                factor,
                normalization
            );
            return (image, image.Move(rows.Objects[position], Misplaced(position), epoch == 0 ? Tally : null));
        }
    }

    /// <summary>What is done about an object outside its image.</summary>
    private Action<int, float[], SizedImage> Misplaced(int position) =>
        (place, box, image) =>
        {
            if (!options.SkipInvalidBoxes)
                throw ObjectRules.Outside(rows.Images.Row(position), rows.Images.File(position), place, box, image);
        };

    private double DrawnFactor(int epoch, int step)
    {
        if (options.TrainingImageSizes is not { Count: > 0 } sizes)
            return 1;
        var random = new RandomStream(SizePurpose, seed, epoch, step);
        return (double)sizes[random.Below(sizes.Count)] / largest;
    }

    private TrainingBatch OnDevice(TrainingBatch batch)
    {
        if (device.type == TorchSharp.DeviceType.CPU)
            return batch;
        using (batch)
        {
            var targets = new LossInputs();
            foreach (var (name, tensor) in batch.Targets)
                targets[name] = tensor.to(device).DetachFromDisposeScope();
            return new(batch.Input.to(device).DetachFromDisposeScope(), targets, batch.Rows);
        }
    }
}
