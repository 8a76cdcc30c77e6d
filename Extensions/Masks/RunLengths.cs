namespace MLNetLosses.Masks;

/// <summary>
/// COCO's runs: the lengths of stretches of 0 and 1 in turn, beginning with 0, down the columns from the left; as numbers, or as text that holds each number
/// in steps of 5 bits, from the fourth on as the difference to the one two before.
/// </summary>
internal static class RunLengths
{
    /// <summary>Writes a value where the runs are 1.</summary>
    /// <param name="runs">The lengths.</param>
    /// <param name="target">[height, width].</param>
    /// <param name="width">Columns.</param>
    /// <param name="value">What is written.</param>
    /// <exception cref="FormatException">The lengths do not sum up to the mask's pixels.</exception>
    public static void Paint(IReadOnlyList<long> runs, Span<byte> target, int width, byte value)
    {
        var height = target.Length / width;
        long at = 0;
        for (var run = 0; run < runs.Count; run++)
        {
            var length = runs[run];
            if (length < 0 || at + length > target.Length)
                throw new FormatException($"the runs cover more than the {target.Length} pixels of the mask (run {run} is {length}).");
            if (run % 2 == 1)
                for (var i = at; i < at + length; i++)
                    target[(int)(i % height * width + i / height)] = value;
            at += length;
        }
        if (at != target.Length)
            throw new FormatException($"the runs cover {at} of {target.Length} pixels.");
    }

    /// <summary>Reads the text form.</summary>
    /// <exception cref="FormatException">A character that does not occur in it, or it ends in the middle of a number.</exception>
    public static List<long> Parse(string text)
    {
        var runs = new List<long>();
        for (var at = 0; at < text.Length; )
        {
            long value = 0;
            var shift = 0;
            int bits;
            do
            {
                bits =
                    at < text.Length ? text[at++] - '0' : throw new FormatException("the compressed runs end in the middle of a number.");
                if (bits is < 0 or > 63 || shift > 50)
                    throw new FormatException($"the compressed runs hold '{text[at - 1]}' at {at - 1}, which does not belong there.");
                value |= (long)(bits & 31) << shift;
                shift += 5;
            } while ((bits & 32) != 0);
            if ((bits & 16) != 0)
                value |= -1L << shift;
            runs.Add(runs.Count > 2 ? value + runs[^2] : value);
        }
        return runs;
    }
}
