using MLNetLosses.Losses;
using MLNetLosses.Training;

namespace MLNetLosses.UnitTests.Training;

[TestClass]
public sealed class DefinitionTests
{
    public static IEnumerable<object[]> Definitions =>
        DefinitionCatalog.All(typeof(Definition)).Where(t => t.Namespace == typeof(TrainingLoop).Namespace).Select(t => new object[] { t });

    [TestMethod]
    [DynamicData(nameof(Definitions))]
    public void TextAndJsonComeBackEqual(Type type)
    {
        var example = type.GetCustomAttributes(typeof(DefinitionExampleAttribute), false)
            .Cast<DefinitionExampleAttribute>()
            .SingleOrDefault();
        var definition = (Definition)DefinitionText.Parse(example?.Text ?? DefinitionSchema.Of(type).Name, type);
        foreach (var option in DefinitionSchema.Of(type).Options)
        {
            Definition changed;
            try
            {
                changed = Change(definition, option);
            }
            catch (FormatException)
            {
                continue; // options that exclude each other
            }
            Assert.AreEqual(changed, DefinitionText.Parse(changed.ToString(), type), option.Name);
            Assert.AreEqual(changed, DefinitionJson.Deserialize(changed.ToJson(), type), option.Name);
            Assert.AreNotEqual(definition, changed, option.Name);
        }
    }

    [TestMethod]
    public void OptionsOfATrainingReadAsALine()
    {
        var options = new TrainingOptions
        {
            Epochs = 30,
            Optimizer = new Sgd
            {
                LearningRate = 0.05,
                Nesterov = true,
                WeightDecay = 5e-4,
            },
            Schedule = new CosineSchedule { WarmupFraction = 0 },
            Averaging = new() { Decay = 0.99 },
        };
        const string text =
            "Training(epochs: 30, optimizer: Sgd(learningRate: 0.05, weightDecay: 0.0005, nesterov: true), "
            + "schedule: Cosine(warmupFraction: 0), averaging: WeightAveraging(decay: 0.99))";
        Assert.AreEqual(text, options.ToString());
        Assert.AreEqual(options, TrainingOptions.Parse(text));
        Assert.AreEqual(options, TrainingOptions.Parse(options.ToJson()));
    }

    [TestMethod]
    public void ValuesOutOfRangeAreRefused()
    {
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new AdamW { LearningRate = double.NaN });
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new Sgd { Momentum = 1 });
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new WeightAveraging { Decay = 1 });
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new TrainingOptions { Epochs = -1 });
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new ConstantSchedule().RateAt(0.1, -1, 10));
        StringAssert.Contains(
            Assert.ThrowsExactly<FormatException>(() => MLNetLosses.Training.Optimizer.Parse("Adem")).Message,
            "Allowed: Adam, AdamW, RmsProp, Sgd"
        );
        StringAssert.Contains(
            Assert.ThrowsExactly<FormatException>(() => MLNetLosses.Training.Optimizer.Parse("Sgd(momentum: 0, nesterov: true)")).Message,
            "Nesterov needs Momentum"
        );
        StringAssert.Contains(Assert.ThrowsExactly<FormatException>(() => LearningRateSchedule.Parse("Sgd")).Message, "Sgd");
    }

    [TestMethod]
    public void SchedulesWithoutReferenceFollowTheirFormulas()
    {
        var restarts = new CosineRestartsSchedule
        {
            Period = 4,
            PeriodFactor = 2,
            Minimum = 0.1,
        };
        Assert.AreEqual(1, restarts.RateAt(1, 0, 100));
        Assert.AreEqual(0.55, restarts.RateAt(1, 2, 100), 1e-12);
        Assert.AreEqual(1, restarts.RateAt(1, 4, 100), 1e-12);
        Assert.AreEqual(0.55, restarts.RateAt(1, 8, 100), 1e-12);
        Assert.AreEqual(1, restarts.RateAt(1, 12, 100), 1e-12);
        Assert.AreEqual(0.55, (restarts with { PeriodFactor = 1 }).RateAt(1, 10, 100), 1e-12);
        Assert.AreEqual(0.5, new ExponentialSchedule { Gamma = 0.5, Steps = 10 }.RateAt(1, 10, 100), 1e-12);
        Assert.AreEqual(Math.Sqrt(0.5), new ExponentialSchedule { Gamma = 0.5, Steps = 10 }.RateAt(1, 5, 100), 1e-12);
        var warm = new ConstantSchedule { WarmupFraction = 0.1, WarmupStart = 0.2 };
        Assert.AreEqual(0.2, warm.RateAt(1, 0, 100), 1e-12);
        Assert.AreEqual(0.6, warm.RateAt(1, 5, 100), 1e-12);
        Assert.AreEqual(1, warm.RateAt(1, 10, 100), 1e-12);
        Assert.AreEqual(0.25, new PolynomialSchedule { WarmupSteps = 20 }.RateAt(1, 80, 100), 1e-12);
    }

    private static Definition Change(Definition definition, DefinitionOption option)
    {
        var node = definition.ToJsonNode();
        var type = Nullable.GetUnderlyingType(option.Type) ?? option.Type;
        node[option.JsonName] = option.Property.GetValue(definition) switch
        {
            _ when type == typeof(MLNetLosses.Training.Optimizer) => new Adam { Beta1 = 0.5 }.ToJsonNode(),
            _ when type == typeof(LearningRateSchedule) => new StepSchedule { Gamma = 0.5 }.ToJsonNode(),
            _ when type == typeof(WeightAveraging) => new WeightAveraging { Decay = 0.5 }.ToJsonNode(),
            _ when type == typeof(EarlyStopping) => new EarlyStopping { Patience = 2 }.ToJsonNode(),
            _ when type == typeof(ValueList<int>) => new System.Text.Json.Nodes.JsonArray(3, 5),
            bool flag => !flag,
            _ when type.IsEnum => Enum.GetNames(type)[^1] == option.Property.GetValue(definition)!.ToString()
                ? Enum.GetNames(type)[0]
                : Enum.GetNames(type)[^1],
            _ when type == typeof(double) => option.Interval!.Contains(0.625) ? 0.625 : 2.5,
            _ => 7,
        };
        return DefinitionJson.Deserialize(node.ToJsonString(), definition.GetType());
    }
}
