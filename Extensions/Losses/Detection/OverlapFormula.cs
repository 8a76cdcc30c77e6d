namespace MLNetLosses.Losses;

/// <summary>What an overlap loss may add to 1 - IoU.</summary>
[Flags]
internal enum BoxPenalties
{
    None = 0,

    /// <summary>(area C - U) / (area C + e), the empty part of the enclosing box.</summary>
    Hull = 1,

    /// <summary>Squared distance of the centres over the squared diagonal of the enclosing box + e.</summary>
    Centre = 2,

    /// <summary>Squared differences of width and height over the squared sides of the enclosing box + e, summed.</summary>
    Sides = 4,

    /// <summary>
    /// a v of complete IoU, a held constant: v = 4/pi^2 (difference of the diagonals' angles)^2, 0 where a side is 0; a = v / (1 - IoU + v + e).
    /// </summary>
    Aspect = 8,
}

/// <summary>1 - IoU^power + sum of penalties^power, or -ln max(IoU, e), with its derivatives by all coordinates.</summary>
/// <param name="Epsilon">e, added to denominators.</param>
/// <param name="Penalties">What is added.</param>
/// <param name="Power">Above 0.</param>
/// <param name="Log">The logarithm of the IoU instead of its power.</param>
internal readonly record struct OverlapFormula(double Epsilon, BoxPenalties Penalties = default, double Power = 1, bool Log = false)
{
    /// <summary>The value; derivatives are written where there is room for them.</summary>
    /// <param name="p">x0, y0, x1, y1 of the predicted box.</param>
    /// <param name="t">Those of the target.</param>
    /// <param name="byPredicted">4, or none.</param>
    /// <param name="byTarget">4, or none.</param>
    public V Evaluate<V>(ReadOnlySpan<V> p, ReadOnlySpan<V> t, Span<V> byPredicted, Span<V> byTarget)
        where V : struct, IFormulaNumber<V>
    {
        var (x, y) = (new Axis<V>(p[0], p[2], t[0], t[2]), new Axis<V>(p[1], p[3], t[1], t[3]));
        var union = x.Size * y.Size + x.TargetSize * y.TargetSize - x.Overlap * y.Overlap + Epsilon;
        var iou = x.Overlap * y.Overlap / union;
        var (value, slope) = OfIoU(iou);
        var toIntersection = slope / union; // at fixed U
        var toUnion = -(toIntersection * iou);
        if (Penalties.HasFlag(BoxPenalties.Hull))
        {
            var area = x.Hull * y.Hull + Epsilon;
            (var addend, slope) = Raise((area - union) / area);
            value += addend;
            slope /= area;
            toUnion -= slope;
            slope = slope * union / area;
            x.ToHull += y.Hull * slope;
            y.ToHull += x.Hull * slope;
        }
        if (Penalties.HasFlag(BoxPenalties.Centre))
        {
            var diagonal = x.Hull * x.Hull + y.Hull * y.Hull + Epsilon;
            var distance = (x.Centre * x.Centre + y.Centre * y.Centre) / diagonal;
            (var addend, slope) = Raise(distance);
            value += addend;
            slope = slope * 2 / diagonal;
            x.ToCentre += x.Centre * slope;
            y.ToCentre += y.Centre * slope;
            slope *= distance;
            x.ToHull -= x.Hull * slope;
            y.ToHull -= y.Hull * slope;
        }
        if (Penalties.HasFlag(BoxPenalties.Sides))
        {
            var (wider, higher) = (x.SideRatio(Epsilon), y.SideRatio(Epsilon));
            (var addend, slope) = Raise((x.Size - x.TargetSize) * wider + (y.Size - y.TargetSize) * higher);
            value += addend;
            x.BackThroughSides(wider, slope);
            y.BackThroughSides(higher, slope);
        }
        if (Penalties.HasFlag(BoxPenalties.Aspect))
        {
            const double scale = 4 / (Math.PI * Math.PI);
            var shaped = V.Min(x.Size * y.Size, x.TargetSize * y.TargetSize);
            // The angle between the diagonals, where both boxes have an area.
            var tangent = (x.TargetSize * y.Size - x.Size * y.TargetSize) / (x.TargetSize * x.Size + y.TargetSize * y.Size);
            var difference = V.IfPositive(shaped, V.Atan(tangent));
            var aspect = difference * difference * scale;
            var trade = aspect / (aspect - iou + (1 + Epsilon));
            (var addend, slope) = Raise(trade * aspect);
            value += addend;
            slope = slope * trade * difference * (2 * scale);
            var (own, other) = (slope / SquaredDiagonal(x.Size, y.Size), slope / SquaredDiagonal(x.TargetSize, y.TargetSize));
            x.ToSize -= y.Size * own;
            y.ToSize += x.Size * own;
            x.ToTargetSize += y.TargetSize * other;
            y.ToTargetSize -= x.TargetSize * other;
        }
        // The union is what the sizes make of it less the intersection.
        var toShared = toIntersection - toUnion;
        x.Write(toShared * y.Overlap, y.Size * toUnion, y.TargetSize * toUnion, 0, byPredicted, byTarget);
        y.Write(toShared * x.Overlap, x.Size * toUnion, x.TargetSize * toUnion, 1, byPredicted, byTarget);
        return value;
    }

    private (V Value, V Slope) OfIoU<V>(V iou)
        where V : struct, IFormulaNumber<V>
    {
        if (Log)
            return (-V.Log(V.Max(iou, Epsilon)), V.IfPositive(iou + -Epsilon, V.Of(-1) / iou));
        var (value, slope) = Raise(iou);
        return (-value + 1, -slope);
    }

    // Below power 1 the slope at 0 is infinite; it counts as 0.
    private (V Value, V Slope) Raise<V>(V basis)
        where V : struct, IFormulaNumber<V>
    {
        if (Power == 1)
            return (basis, V.Of(1));
        basis = V.Max(basis, 0);
        var value =
            Power == 2 ? basis * basis
            : Power == 3 ? basis * basis * basis
            : V.Pow(basis, Power);
        return (value, V.IfPositive(basis, value / basis * Power));
    }

    private static V SquaredDiagonal<V>(V width, V height)
        where V : struct, IFormulaNumber<V> => V.Max(width * width + height * height, 1e-30);

    /// <summary>One axis of a pair: what measures are made of, and how the loss depends on it.</summary>
    private struct Axis<V>(V low, V high, V targetLow, V targetHigh)
        where V : struct, IFormulaNumber<V>
    {
        public readonly V Overlap = V.Max(V.Min(high, targetHigh) - V.Max(low, targetLow), 0);
        public readonly V Size = high - low;
        public readonly V TargetSize = targetHigh - targetLow;
        public V ToHull;
        public V ToCentre;
        public V ToSize;
        public V ToTargetSize;

        /// <summary>The side of the enclosing box.</summary>
        public readonly V Hull => V.Max(high, targetHigh) - V.Min(low, targetLow);

        /// <summary>The difference of the centres.</summary>
        public readonly V Centre => (low + high - targetLow - targetHigh) * 0.5;

        public readonly V SideRatio(double epsilon) => (Size - TargetSize) / (Hull * Hull + epsilon);

        public void BackThroughSides(V ratio, V slope)
        {
            var scaled = ratio * slope * 2;
            ToHull -= scaled * ratio * Hull;
            ToSize += scaled;
            ToTargetSize -= scaled;
        }

        public readonly void Write(V toOverlap, V toSize, V toTargetSize, int axis, Span<V> byPredicted, Span<V> byTarget)
        {
            if (byPredicted.IsEmpty && byTarget.IsEmpty)
                return;
            // min(a, b) depends on a by (1 - sign(a - b)) / 2 and max(a, b) by (1 + sign(a - b)) / 2: half at a tie. The high side of the intersection is a
            // minimum, that of the hull a maximum; the low sides the other way round and with the opposite sign. A side of 0 has no slope.
            toOverlap = V.IfPositive(Overlap, toOverlap);
            var (sum, difference) = (ToHull + toOverlap, ToHull - toOverlap);
            var highShare = V.Sign(high - targetHigh) * difference + ToCentre;
            var lowShare = V.Sign(low - targetLow) * difference + ToCentre;
            if (!byPredicted.IsEmpty)
            {
                byPredicted[axis + 2] = (highShare + sum) * 0.5 + (ToSize + toSize);
                byPredicted[axis] = (lowShare - sum) * 0.5 - (ToSize + toSize);
            }
            if (!byTarget.IsEmpty)
            {
                byTarget[axis + 2] = (sum - highShare) * 0.5 + (ToTargetSize + toTargetSize);
                byTarget[axis] = (sum + lowShare) * -0.5 - (ToTargetSize + toTargetSize);
            }
        }
    }
}
