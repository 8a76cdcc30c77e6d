using System.Diagnostics;

namespace MLNetLosses.Training;

/// <summary>Measures time: images a second, waiting for data, time left.</summary>
internal sealed class Pace
{
    private readonly Stopwatch whole = Stopwatch.StartNew();
    private readonly Stopwatch epoch = new();
    private readonly Stopwatch waiting = new();
    private TimeSpan intervalStart;
    private long intervalImages;
    private double stepSeconds;
    private long steps;
    private double pauseSeconds;
    private int pauses;

    /// <summary>Seconds of a training before it was resumed.</summary>
    public double Before { get; set; }

    public double Seconds => Before + whole.Elapsed.TotalSeconds;
    public double EpochSeconds => epoch.Elapsed.TotalSeconds;
    public double WaitSeconds => waiting.Elapsed.TotalSeconds;

    /// <summary>How much of the epoch so far was spent waiting for data.</summary>
    public double WaitShare => EpochSeconds > 0 ? WaitSeconds / EpochSeconds : 0;
    public long EpochImages { get; private set; }

    public void BeginEpoch()
    {
        epoch.Restart();
        waiting.Reset();
        (EpochImages, intervalImages, intervalStart) = (0, 0, TimeSpan.Zero);
    }

    public T Wait<T>(Func<T> wait)
    {
        waiting.Start();
        try
        {
            return wait();
        }
        finally
        {
            waiting.Stop();
        }
    }

    public void Count(int images)
    {
        EpochImages += images;
        intervalImages += images;
    }

    /// <summary>Images a second since the last call.</summary>
    public double TakeSpeed()
    {
        var seconds = (epoch.Elapsed - intervalStart).TotalSeconds;
        var speed = seconds > 0 ? intervalImages / seconds : 0;
        (intervalStart, intervalImages) = (epoch.Elapsed, 0);
        return speed;
    }

    public void EndEpoch(long stepsDone)
    {
        epoch.Stop();
        stepSeconds += EpochSeconds;
        steps += stepsDone;
    }

    /// <summary>Counts validation and saving between epochs.</summary>
    public void Pause(double seconds) => (pauseSeconds, pauses) = (pauseSeconds + seconds, pauses + 1);

    /// <summary>An estimate from the steps of this run so far.</summary>
    public TimeSpan? Left(long stepsInEpoch, long stepsLeft, int epochsLeft)
    {
        var (seconds, count) = epoch.IsRunning ? (stepSeconds + EpochSeconds, steps + stepsInEpoch) : (stepSeconds, steps);
        if (count == 0)
            return null;
        var pause = pauses == 0 ? 0 : pauseSeconds / pauses;
        return TimeSpan.FromSeconds((seconds / count * Math.Max(stepsLeft, 0)) + (pause * epochsLeft));
    }
}
