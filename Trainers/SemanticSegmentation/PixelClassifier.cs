using System.Runtime.InteropServices;
using MLNetLosses.Data;
using MLNetLosses.Networks;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses;

/// <summary>A segmentation network as the engine of a transformer: decoded images to masks. Several threads may use one at once.</summary>
internal sealed class PixelClassifier : IDisposable
{
    private readonly InferenceNetwork<SegmentationNetwork> network;
    private readonly SegmentationModel model;
    private readonly PixelNormalization normalization;
    private readonly Device device;

    private PixelClassifier(ReadOnlyMemory<byte> weights, SegmentationModel model, Device device)
    {
        (this.model, this.device) = (model, device);
        normalization = new(model.Preprocessing);
        network = new(weights, Make);
    }

    /// <summary>Takes a copy of a trained network, which stays the caller's.</summary>
    public static PixelClassifier Of(SegmentationNetwork network, SegmentationModel model, Device device) =>
        new(InferenceNetwork<SegmentationNetwork>.WeightsOf(network.InferenceValues()), model, device);

    /// <summary>Reads what <see cref="Save"/> wrote.</summary>
    /// <exception cref="InvalidDataException">The stream does not hold the network that the model names.</exception>
    public static PixelClassifier Load(Stream stream, SegmentationModel model, Device device) =>
        new(InferenceNetwork<SegmentationNetwork>.ReadWeights(stream), model, device);

    /// <summary>Computes the masks of images of any sizes, those of one size together.</summary>
    public SegmentationPrediction[] Predict(IReadOnlyList<DecodedImage> images)
    {
        using var user = network.Use();
        using var scope = NewDisposeScope();
        using var mode = inference_mode();
        var results = new SegmentationPrediction[images.Count];
        var groups = images.Index().GroupBy(pair => pair.Item.Pixels is null ? default : (pair.Item.Width, pair.Item.Height));
        foreach (var group in groups)
        {
            if (group.Key == default)
            {
                foreach (var (i, _) in group)
                    results[i] = new(null, null);
                continue;
            }
            var together = PredictionBatch.ImagesOf(group.Key.Width, group.Key.Height, model.PredictionPixels);
            foreach (var part in group.Chunk(together))
                Predict(user.Network, part, results);
        }
        return results;
    }

    public void Save(Stream stream) => network.Save(stream);

    public void Dispose() => network.Dispose();

    private bool GivesProbabilities => model.ProbabilitiesColumnName is not null;

    private SegmentationNetwork Make(TensorFile file)
    {
        var made = SegmentationNetwork.ForInference(model.Shape, file);
        made.to(device);
        return made;
    }

    private void Predict(SegmentationNetwork network, (int Index, DecodedImage Item)[] images, SegmentationPrediction[] results)
    {
        using var scope = NewDisposeScope();
        var (width, height) = (images[0].Item.Width, images[0].Item.Height);
        var bytes = empty([images.Length, model.Preprocessing.Channels, height, width], ScalarType.Byte);
        var size = model.Preprocessing.Channels * width * height;
        for (var i = 0; i < images.Length; i++)
            images[i].Item.Pixels.CopyTo(bytes.bytes.Slice(i * size, size));
        (TileSpan X, TileSpan Y)[] tiles =
        [
            .. new TilePlan(model.PredictionPixels, model.TileOverlap, network.Stride).Tiles(width, height),
        ];
        if (tiles.Length > 1)
        {
            var (index, image) = images[0];
            results[index] = model.OwnSize
                ? Tiled(network, bytes, tiles)
                : Banded(network, bytes, tiles, (image.OwnWidth, image.OwnHeight));
            return;
        }
        var logits = network.call(normalization.Apply(bytes.to(device)));
        for (var i = 0; i < images.Length; i++)
        {
            using var one = NewDisposeScope();
            var item = images[i].Item;
            var (classes, probabilities) = Read(logits.narrow(0, i, 1), (item.OwnWidth, item.OwnHeight));
            results[images[i].Index] = new(MaskOf(classes, item.OwnWidth, item.OwnHeight), probabilities);
        }
    }

    /// <summary>What logits [1, outputs, h, w] say at a size.</summary>
    private (byte[] Classes, float[]? Probabilities) Read(Tensor logits, (int Width, int Height) size)
    {
        if (!GivesProbabilities)
            return (LogitReader.Classes(logits, model.Mode, size.Width, size.Height), null);
        var whole = new LogitBands(model.Mode, model.Outputs, ((int)logits.shape[3], (int)logits.shape[2]), size, givesProbabilities: true);
        whole.Add(logits.cpu(), 0);
        return (whole.Classes, whole.Probabilities);
    }

    /// <summary>A large image of its own size: each tile's classes go into the mask, so that no more than a tile's logits are held.</summary>
    private SegmentationPrediction Tiled(SegmentationNetwork network, Tensor bytes, (TileSpan X, TileSpan Y)[] tiles)
    {
        var (height, width) = ((int)bytes.shape[2], (int)bytes.shape[3]);
        var layers = model.Mode == SegmentationMode.Multilabel ? model.Outputs : 1;
        var mask = new byte[layers * width * height];
        var probabilities = GivesProbabilities ? LogitBands.NewProbabilities(model.Outputs, (width, height)) : null;
        foreach (var tile in tiles)
        {
            using var scope = NewDisposeScope();
            var (classes, shares) = Read(Logits(network, bytes, tile), (tile.X.KeepLength, tile.Y.KeepLength));
            Paste<byte>(classes, mask, layers, tile, width, height);
            if (probabilities is not null)
                Paste<float>(shares, probabilities, model.Outputs, tile, width, height);
        }
        return new(MaskOf(mask, width, height), probabilities);
    }

    /// <summary>A large image that was brought to a size: each row of tiles goes into what is predicted at its own, so that no more than its logits are held.</summary>
    private SegmentationPrediction Banded(
        SegmentationNetwork network,
        Tensor bytes,
        (TileSpan X, TileSpan Y)[] tiles,
        (int Width, int Height) size
    )
    {
        var source = ((int)bytes.shape[3], (int)bytes.shape[2]);
        var whole = new LogitBands(model.Mode, model.Outputs, source, size, GivesProbabilities);
        Tensor? above = null;
        foreach (var row in tiles.GroupBy(tile => tile.Y))
        {
            using var scope = NewDisposeScope();
            var (y, first) = (row.Key, above is null ? 0 : 1);
            var band = empty([1, model.Outputs, first + y.KeepLength, bytes.shape[3]], ScalarType.Float32);
            if (above is not null)
                band.narrow(2, 0, 1).copy_(above);
            foreach (var tile in row)
            {
                using var one = NewDisposeScope();
                band.narrow(2, first, y.KeepLength).narrow(3, tile.X.KeepStart, tile.X.KeepLength).copy_(Logits(network, bytes, tile));
            }
            whole.Add(band, y.KeepStart - first);
            above = band.narrow(2, band.shape[2] - 1, 1).clone().MoveToOuterDisposeScope();
        }
        return new(MaskOf(whole.Classes, size.Width, size.Height), whole.Probabilities);
    }

    private Tensor Logits(SegmentationNetwork network, Tensor bytes, (TileSpan X, TileSpan Y) tile)
    {
        var shown = bytes.narrow(2, tile.Y.Start, tile.Y.Length).narrow(3, tile.X.Start, tile.X.Length).contiguous().to(device);
        return network
            .call(normalization.Apply(shown))
            .narrow(2, tile.Y.KeepStart - tile.Y.Start, tile.Y.KeepLength)
            .narrow(3, tile.X.KeepStart - tile.X.Start, tile.X.KeepLength);
    }

    private static void Paste<T>(ReadOnlySpan<T> part, Span<T> whole, int layers, (TileSpan X, TileSpan Y) tile, int width, int height)
    {
        var (x, y) = tile;
        for (var layer = 0; layer < layers; layer++)
        for (var row = 0; row < y.KeepLength; row++)
            part.Slice((layer * y.KeepLength + row) * x.KeepLength, x.KeepLength)
                .CopyTo(whole[((layer * height + y.KeepStart + row) * width + x.KeepStart)..]);
    }

    private SegmentationMask MaskOf(byte[] values, int width, int height) =>
        SegmentationMask.Owning(width, height, model.Mode == SegmentationMode.Multilabel ? model.Outputs : 0, values);
}
