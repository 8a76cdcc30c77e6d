using Microsoft.ML;
using Microsoft.ML.Runtime;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Interop;

namespace MLNetLosses.UnitTests.Interop;

[TestClass]
public class HostsTests
{
    [TestMethod]
    public void CatalogsGiveTheirContextsSettings()
    {
        var context = new MLContext(seed: 7) { GpuDeviceId = 3, FallbackToCpu = false };
        foreach (
            object catalog in new object[]
            {
                context.Transforms,
                context.Transforms.Conversion,
                context.MulticlassClassification,
                context.MulticlassClassification.Trainers,
                context.Regression.Trainers,
                context.Model,
                context.Data,
            }
        )
        {
            var host = Hosts.EnvironmentOf(catalog).Register("part");
            Assert.AreEqual(7, Hosts.Seed(host), catalog.GetType().Name);
            Assert.AreEqual(3, Hosts.GpuDeviceId(Hosts.EnvironmentOf(catalog)), catalog.GetType().Name);
            Assert.IsFalse(Hosts.FallbackToCpu(Hosts.EnvironmentOf(catalog)), catalog.GetType().Name);
        }
    }

    [TestMethod]
    public void AnotherObjectIsNoCatalog() =>
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => Hosts.EnvironmentOf("text")).Message, "String");

    [TestMethod]
    public void CancellingTheContextStopsWhatRunsForIt()
    {
        var context = new MLContext();
        var host = Hosts.EnvironmentOf(context.MulticlassClassification.Trainers).Register("trainer");
        Hosts.CheckAlive(host);
        context.CancelExecution();
        Assert.ThrowsExactly<OperationCanceledException>(() => Hosts.CheckAlive(host));
    }
}
