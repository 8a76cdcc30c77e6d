using MLNetLosses.Training;

namespace MLNetLosses.UnitTests.Monitoring;

/// <summary>
/// A made-up training: curves of a shape that is drawn from a seed, with the noise of real ones. <see cref="Healthy"/> is what goes well in many ways; every sickness
/// changes one thing of such a training.
/// </summary>
internal sealed class SyntheticTraining
{
    private readonly Random random;
    private readonly int intervals;
    private readonly int epochCount;

    private SyntheticTraining(int seed)
    {
        random = new Random(seed * 7919 + 13);
        intervals = (int)Math.Exp(Between(Math.Log(60), Math.Log(1200)));
        epochCount = Math.Min(random.Next(8, 60), intervals / 4);
        Start = Between(0.7, 8);
        Floor = Start * Between(0.005, 0.3);
        Noise = Between(0.01, 0.15); // of the mean of an interval's ten steps
        // Exponential or by a power of time; most of it done by the end, something left to do in the second half.
        var (speed, power) = (Between(2.5, 12), Between(0.7, 1.3));
        var isPower = random.Next(2) == 0;
        Level = t => Floor + (Start - Floor) * (isPower ? Math.Pow(1 + 60 * t, -power) : Math.Exp(-speed * t));
        var (peak, schedule) = (Math.Pow(10, Between(-4, -1)), random.Next(3));
        Rate = t =>
            peak
            * Math.Min(1, (t + 0.001) / 0.05)
            * (
                schedule == 0 ? 1
                : schedule == 1 ? 0.5 * (1 + Math.Cos(Math.PI * t))
                : t < 0.5 ? 1
                : t < 0.8 ? 0.1
                : 0.01
            );
        var ratio = Math.Pow(10, Between(-3.8, -1.9));
        Update = t => ratio * Rate(t) / peak;
        var (norm, growth) = (Math.Pow(10, Between(-1.5, 1.5)), Between(-1.5, 1));
        Gradient = t => norm * Math.Pow(10, growth * t);
        GradientNoise = Between(0.1, 0.7);
        var share = Between(0.1, 0.9);
        Shares = _ => [share, 1 - share];
        var cosine = Between(0, 0.9);
        Cosine = _ => cosine;
        // A gap between training and validation, and sometimes a little wear at the end.
        var (gap, wear) = (Between(1, 2.5), random.Next(3) == 0 ? Between(0, 0.05) : 0);
        ValidationLoss = t =>
            Floor * gap + 0.1 * Start + (Level(t) - Floor) * Between(0.9, 1.1) + wear * Start * 0.1 * Math.Max(0, t - 0.7);
        ValidationNoise = Between(0.005, 0.05);
        Classes = random.Next(3, 15);
        Predicted = (_, t) => t < 0.1 && random.Next(4) == 0 ? 0 : 1;
        Suspects = Between(0, 0.006);
        // In a third of them the weight of term b rises as a WeightRamp does. Drawn apart, so that the rest stays as it is.
        var drawn = new Random(seed * 104729 + 7);
        var (kind, end) = (drawn.Next(9), 0.05 + 0.95 * drawn.NextDouble());
        if (kind < 3)
            Weight = t =>
                new MLNetLosses.Losses.WeightRamp
                {
                    Kind = (MLNetLosses.Losses.RampKind)kind,
                    From = 1e-3,
                    End = end,
                }.At(t);
    }

    public double Start { get; set; }
    public double Floor { get; set; }
    public double Noise { get; set; }
    public Func<double, double> Level { get; set; }
    public Func<double, double> Rate { get; set; }
    public Func<double, double> Update { get; set; }
    public Func<double, double> Gradient { get; set; }
    public double GradientNoise { get; set; }
    public Func<double, double[]> Shares { get; set; }

    /// <summary>The weight of term b; its share of the gradient is multiplied by it.</summary>
    public Func<double, double> Weight { get; set; } = _ => 1;
    public Func<double, double> Cosine { get; set; }
    public Func<double, double> ValidationLoss { get; set; }
    public double ValidationNoise { get; set; }
    public int Classes { get; set; }
    public Func<int, double, int> Predicted { get; set; }
    public double Suspects { get; set; }

    /// <summary>What the run was told.</summary>
    public RunRecord Run { get; set; } = new();

    /// <summary>Factors on single intervals.</summary>
    public Dictionary<int, double> Jumps { get; } = [];

    public static SyntheticTraining Healthy(int seed) => new(seed);

    /// <summary>The sicknesses, and what is to be found.</summary>
    public static readonly (FindingKind Kind, string Name, Action<SyntheticTraining> Infect)[] Sicknesses =
    [
        (
            FindingKind.Divergence,
            "climbs after a while",
            s =>
            {
                var (level, from, factor) = (s.Level, s.Between(0.3, 0.8), s.Between(0.8, 5));
                s.Level = t => level(t) + (t > from ? s.Start * factor * Math.Min(1, (t - from) / 0.1) : 0);
            }
        ),
        (
            FindingKind.Divergence,
            "jumps to chance level",
            s =>
            {
                var (level, from) = (s.Level, s.Between(0.3, 0.85));
                s.Level = t => t > from ? s.Start * 1.05 : level(t);
            }
        ),
        (
            FindingKind.Spikes,
            "single intervals explode",
            s =>
            {
                s.Noise = Math.Min(s.Noise, 0.12);
                for (var i = s.random.Next(3, 7); i > 0; i--)
                    s.Jumps[s.random.Next(s.intervals / 5, s.intervals)] = s.Between(6, 30);
            }
        ),
        (
            FindingKind.Plateau,
            "stops early at a high level",
            s =>
            {
                var (height, speed) = (s.Between(0.52, 0.97), s.Between(20, 80));
                s.Level = t => s.Start * (height + (1 - height) * Math.Exp(-speed * t));
                s.Noise = Math.Min(s.Noise, 0.08);
                s.Rate = _ => 0.01;
                s.Update = _ => 1e-3;
            }
        ),
        (
            FindingKind.Overfitting,
            "validation turns",
            s =>
            {
                var (turn, slope) = (s.Between(0.2, 0.6), s.Between(0.6, 3));
                var loss = s.ValidationLoss;
                s.Level = t => s.Start * (0.02 + 0.98 * Math.Exp(-s.Between(3.9, 4.1) * t));
                s.ValidationLoss = t =>
                    0.4 * s.Start + 0.6 * s.Start * Math.Exp(-6 * Math.Min(t, turn)) + Math.Max(0, t - turn) * slope * s.Start;
            }
        ),
        (
            FindingKind.DominatingTerm,
            "one term has it all",
            s =>
            {
                var share = s.Between(0.965, 0.985);
                s.Weight = _ => 1;
                s.Shares = _ => [share, 1 - share];
            }
        ),
        (
            FindingKind.DeadTerm,
            "one term has nothing",
            s =>
            {
                var share = Math.Pow(10, s.Between(-6, -2.5));
                s.Weight = _ => 1;
                s.Shares = _ => [share, 1 - share];
            }
        ),
        (
            FindingKind.DeadTerm,
            "one term sees nothing",
            s =>
            {
                s.Weight = _ => 1;
                s.Shares = _ => [0, 1];
            }
        ),
        (
            FindingKind.ConflictingTerms,
            "terms pull apart",
            s =>
            {
                var cosine = s.Between(-0.95, -0.4);
                s.Cosine = _ => cosine;
            }
        ),
        (
            FindingKind.ExplodingGradient,
            "the gradient grows",
            s =>
            {
                var (gradient, from, decades) = (s.Gradient, s.Between(0.6, 0.85), s.Between(3.2, 8));
                var level = gradient(0.5);
                s.Gradient = t => level * (t > from ? Math.Pow(10, decades * Math.Min(1, (t - from) / 0.1)) : 1);
            }
        ),
        (
            FindingKind.VanishingGradient,
            "the gradient dies",
            s =>
            {
                var (height, from, decades) = (s.Between(0.5, 0.95), s.Between(0.1, 0.5), s.Between(4.2, 9));
                var level = s.Gradient(0);
                s.Level = t => s.Start * (height + (1 - height) * Math.Exp(-20 * t));
                s.Gradient = t => level * Math.Pow(10, -decades * Math.Clamp((t - from) / 0.1, 0, 1));
            }
        ),
        (
            FindingKind.ClassNeverPredicted,
            "a class is left out",
            s =>
            {
                var missing = s.random.Next(s.Classes);
                s.Predicted = (c, _) => c == missing ? 0 : 1;
            }
        ),
        (
            FindingKind.LearningRateTooSmall,
            "hardly moves",
            s =>
            {
                var (fall, ratio) = (s.Between(0.02, 0.25), Math.Pow(10, s.Between(-7, -5)));
                s.Level = t => s.Start * (1 - fall * t);
                s.Update = _ => ratio;
            }
        ),
        (
            FindingKind.LearningRateTooLarge,
            "jumps and does not come down",
            s =>
            {
                var (height, ratio) = (s.Between(0.65, 1.5), s.Between(0.05, 1));
                s.Level = t => s.Start * (height + (1 - height) * Math.Exp(-60 * t));
                s.Noise = s.Between(0.25, 0.6);
                s.Rate = _ => 0.5;
                s.Update = _ => ratio;
            }
        ),
        (FindingKind.LabelNoise, "labels are wrong", s => s.Suspects = s.Between(0.015, 0.15)),
        (FindingKind.NotANumber, "becomes NaN", s => s.Jumps[s.random.Next(s.intervals / 4, s.intervals)] = double.NaN),
    ];

    /// <summary>As its log would tell it, up to a share of its planned length.</summary>
    public TrainingHistory History(double part = 1)
    {
        var history = new TrainingHistory();
        var lines = 10;
        history.Add(Run with { EpochCount = epochCount, StepCount = intervals * lines });
        var nextEpoch = 1;
        for (var i = 0; i < intervals * part; i++)
        {
            var t = (double)i / intervals;
            var loss = Level(t) * Math.Exp(Noise * Normal()) * Jumps.GetValueOrDefault(i, 1);
            var norm = Gradient(t) * Math.Exp(GradientNoise * Normal());
            var isSampled = i % Math.Max(1, intervals / 40) == 0;
            var shares = Shares(t).Select((s, term) => s * (term == 1 ? Weight(t) : 1) * Math.Exp(0.3 * Normal())).ToArray();
            history.Add(
                new StepsRecord
                {
                    Step = (i + 1) * lines,
                    Epoch = nextEpoch,
                    Loss = loss,
                    LearningRate = Rate(t),
                    GradientNorm = norm,
                    UpdateRatio = isSampled ? Update(t) * Math.Exp(0.2 * Normal()) : null,
                    Terms = new Dictionary<string, TermRecord>
                    {
                        ["a"] = Term(0.6 * loss, 1, isSampled ? norm * shares[0] / shares.Sum() : null),
                        ["b"] = Term(0.4 * loss, Weight(t), isSampled ? norm * shares[1] / shares.Sum() : null),
                    },
                    GradientCosines = isSampled
                        ? new Dictionary<string, double> { ["a, b"] = Math.Clamp(Cosine(t) + 0.15 * Normal(), -1, 1) }
                        : null,
                }
            );
            if ((i + 1.0) / intervals < (double)nextEpoch / epochCount)
                continue;
            var best = history.Epochs.Count == 0 ? double.MaxValue : history.Epochs.Min(e => e.Validation!.Metrics["logLoss"]);
            var validation = ValidationLoss(t) * Math.Exp(ValidationNoise * Normal());
            history.Add(
                new EpochRecord
                {
                    Epoch = nextEpoch++,
                    Step = (i + 1) * lines,
                    IsBest = validation < best,
                    LearningRate = Rate(t),
                    Train = new()
                    {
                        Loss = Level(t) * Math.Exp(0.1 * Noise * Normal()),
                        RowCount = 1000,
                        SuspectCount = history.Epochs.Count < 2 ? 0 : (int)(1000 * Suspects),
                    },
                    Validation = new()
                    {
                        Primary = "accuracy",
                        Metrics = new Dictionary<string, double> { ["accuracy"] = Math.Exp(-validation), ["logLoss"] = validation },
                        Classes =
                        [
                            .. Enumerable
                                .Range(0, Classes)
                                .Select(c => new ClassMetrics(
                                    $"class {c}",
                                    new Dictionary<string, double> { ["count"] = 20, ["predicted"] = 20 * Predicted(c, t) }
                                )),
                        ],
                    },
                }
            );
        }
        return history;

        static TermRecord Term(double value, double weight, double? norm) =>
            new()
            {
                Value = value,
                Weight = weight,
                Weighted = weight * value,
                GradientNorm = norm,
            };
    }

    private double Between(double low, double high) => low + random.NextDouble() * (high - low);

    private double Normal() => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
