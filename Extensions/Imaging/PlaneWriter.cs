using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MLNetLosses.Data;

/// <summary>Writes pixels into planes: lays transparent ones on the background, rounds, and makes luma where one channel is asked for.</summary>
internal readonly ref struct PlaneWriter
{
    private readonly Span<byte> _planes;
    private readonly int _width;
    private readonly int _plane;
    private readonly bool _gray;
    private readonly bool _opaque;
    private readonly int _red;
    private readonly Vector128<float> _background;

    public PlaneWriter(Span<byte> planes, ImagePreprocessing preprocessing, PixelFormat32 format)
    {
        if (planes.Length != preprocessing.ImageBytes)
            throw new ArgumentException($"The target holds {planes.Length} bytes, {preprocessing.ImageBytes} are needed.", nameof(planes));
        _planes = planes;
        _width = preprocessing.Width;
        _plane = preprocessing.Width * preprocessing.Height;
        _gray = preprocessing.Color == ImageColor.Gray;
        _opaque = format.Opaque;
        _red = format.RedFirst ? 0 : 2;
        var color = preprocessing.Background;
        _background = format.RedFirst
            ? Vector128.Create(color[0], color[1], color[2], 0f)
            : Vector128.Create(color[2], color[1], color[0], 0f);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Write(int x, int y, Vector128<float> pixel)
    {
        if (!_opaque)
            pixel += _background * (1 - pixel[3] / 255);
        var at = y * _width + x;
        var (red, green, blue) = (pixel[_red], pixel[1], pixel[2 - _red]);
        if (_gray)
        {
            _planes[at] = Luma(red, green, blue);
            return;
        }
        _planes[at] = Round(red);
        _planes[_plane + at] = Round(green);
        _planes[2 * _plane + at] = Round(blue);
    }

    /// <summary>Takes over an image that has the target's size already.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Copy(ReadOnlySpan<byte> source)
    {
        if (!_opaque || _gray)
        {
            for (var i = 0; i < _plane; i++)
                Write(i, 0, Vector128.Create((float)source[4 * i], source[4 * i + 1], source[4 * i + 2], source[4 * i + 3]));
            return;
        }
        var red = _planes[.._plane];
        var green = _planes.Slice(_plane, _plane);
        var blue = _planes[(2 * _plane)..];
        source = source[..(4 * _plane)];
        for (var i = 0; i < red.Length; i++)
        {
            red[i] = source[4 * i + _red];
            green[i] = source[4 * i + 1];
            blue[i] = source[4 * i + 2 - _red];
        }
    }

    /// <summary>Gives every pixel one colour.</summary>
    public void Fill(IReadOnlyList<int> color)
    {
        if (_gray)
        {
            _planes.Fill(Luma(color[0], color[1], color[2]));
            return;
        }
        _planes[.._plane].Fill((byte)color[0]);
        _planes.Slice(_plane, _plane).Fill((byte)color[1]);
        _planes[(2 * _plane)..].Fill((byte)color[2]);
    }

    private static byte Luma(float red, float green, float blue) => Round(0.299f * red + 0.587f * green + 0.114f * blue);

    private static byte Round(float value) => (byte)Math.Min(255, (int)(value + 0.5f));
}
