using Microsoft.VisualStudio.TestTools.UnitTesting;
using TorchSharp;

namespace MLNetLosses.UnitTests;

[TestClass]
public static class AssemblySetup
{
    /// <summary>Test tensors are small: threads would only wait for each other.</summary>
    [AssemblyInitialize]
    public static void OneThread(TestContext _) => torch.set_num_threads(1);
}
