using MLNetLosses.Interop;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MLNetLosses.Networks;

/// <summary>
/// Batch normalisation of a convolution's outputs. It can be frozen (running statistics also while training, as for fine-tuning on small
/// batches) and, for inference, folded into the convolution.
/// </summary>
internal sealed class BatchNorm : Layer
{
    private readonly Convolution normalized;
    private readonly double eps;
    private readonly double momentum;
    private bool folded;

    // TorchSharp's to(device) replaces fields of the registered names.
    private Parameter weight;
    private Parameter bias;
    private Tensor running_mean;
    private Tensor running_var;
    private Tensor num_batches_tracked;

    public BatchNorm(Convolution normalized, double eps = 1e-5, double momentum = 0.1)
    {
        (this.normalized, this.eps, this.momentum) = (normalized, eps, momentum);
        long[] channels = [normalized.Outputs];
        weight = AddParameter("weight", ones(channels, ScalarType.Float32, CPU));
        bias = AddParameter("bias", zeros(channels, ScalarType.Float32, CPU));
        running_mean = AddBuffer("running_mean", zeros(channels, ScalarType.Float32, CPU));
        running_var = AddBuffer("running_var", ones(channels, ScalarType.Float32, CPU));
        num_batches_tracked = AddBuffer("num_batches_tracked", zeros([], ScalarType.Int64, CPU));
    }

    /// <summary>Uses the running statistics, and leaves them alone, while training too.</summary>
    public bool Frozen { get; set; }

    public override Tensor forward(Tensor x)
    {
        if (folded)
            return x;
        var learns = training && !Frozen;
        if (learns)
            Count(x);
        return nn.functional.batch_norm(x, running_mean, running_var, weight, bias, learns, momentum, eps);
    }

    /// <summary>The normalised map, cut below 0 and pooled: the maximum over 3x3 pixels with stride 2.</summary>
    public Tensor Pooled(Tensor x)
    {
        using var scope = NewDisposeScope();
        if (folded || !training || Frozen || !NormalizedPooling.Suits(x))
            return scope.MoveToOuter(nn.functional.max_pool2d(forward(x).relu_(), [3, 3], [2, 2], [1, 1]));
        Count(x);
        var statistics = empty([2, x.shape[1]], ScalarType.Float32);
        var result = NormalizedPooling.Of(x, weight, bias, statistics, eps);
        using (no_grad())
        {
            var count = (double)(x.numel() / x.shape[1]);
            running_mean.lerp_(statistics[0], momentum);
            running_var.lerp_(statistics[1] * (count / (count - 1)), momentum);
        }
        return scope.MoveToOuter(result);
    }

    private void Count(Tensor x)
    {
        if (x.shape is [1, _, 1, 1])
            throw new InvalidOperationException(
                "Batch normalisation cannot train on a single value per channel: the batch holds one image, of which one pixel is left here. "
                    + "Use a batch size of 2 or more, drop the last incomplete batch, use larger images, or freeze the layers."
            );
        num_batches_tracked.add_(Scalars.One, Scalars.One);
    }

    /// <summary>
    /// Moves the scale and the shift into the convolution; this layer passes its input on from then on. The convolution's output y becomes
    /// <c>(y - mean) / sqrt(var + eps) * weight + bias</c>.
    /// </summary>
    public void Fold()
    {
        if (folded)
            return;
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        var scale = weight / (running_var + eps).sqrt();
        normalized.Rescale(scale, bias - (running_mean * scale));
        folded = true;
    }
}
