using System.Diagnostics;
using Microsoft.ML;
using Microsoft.VisualStudio.TestTools.UnitTesting;

namespace MLNetLosses.UnitTests.ImageClassification;

/// <summary>Where models and checkpoints cannot be written.</summary>
[TestClass]
public class FullDiskTests
{
    private const int Room = 100_000;

    [TestMethod]
    public void AFullDiskIsSaidAndLeavesTheOldModelAndCheckpoint()
    {
        using var images = new DrawnImages();
        if (
            !OperatingSystem.IsLinux()
            || !Environment.IsPrivilegedProcess
            || !Run("mount", "-t", "tmpfs", "-o", "size=32m", "none", images.Folder)
        )
            Assert.Inconclusive("Only the administrator of a Linux system may make a small disk.");
        try
        {
            var context = Training.Context();
            var (path, run) = (Path.Combine(images.Folder, "model.zip"), Path.Combine(images.Folder, "run"));
            var checkpoint = Path.Combine(run, "checkpoint.safetensors");
            var (filler, options) = (Path.Combine(images.Folder, "filler"), Training.Small(o => o.CheckpointFolder = run));
            using var model = Training.Fit(Training.Data(9), options);
            context.Model.SaveAtomically(model, null, path);
            File.WriteAllBytes(filler, new byte[new DriveInfo(images.Folder).AvailableFreeSpace - Room]);

            var saving = Assert.ThrowsExactly<IOException>(() => context.Model.SaveAtomically(model, null, path));
            StringAssert.StartsWith(saving.Message, $"The model could not be written to '{path}': No space left on device");
            StringAssert.Contains(saving.Message, "What was there before is unchanged.");
            var training = Assert.ThrowsExactly<IOException>(() => Training.Fit(Training.Data(9, seed: 1), options));
            StringAssert.StartsWith(training.Message, $"The checkpoint '{checkpoint}' could not be written: No space left on device");
            StringAssert.Contains(training.Message, "What was there before is unchanged.");

            CollectionAssert.AreEquivalent(
                new[] { path, filler, checkpoint },
                Directory.GetFiles(images.Folder, "*", SearchOption.AllDirectories)
            );
            ((IDisposable)context.Model.Load(path, out _)).Dispose();
            options.Resume = true;
            using var resumed = Training.Fit(Training.Data(9), options);
            Assert.AreEqual(1, resumed.Summary.ResumedFrom);
        }
        finally
        {
            Run("umount", images.Folder);
        }
    }

    private static bool Run(string program, params string[] arguments)
    {
        using var process = Process.Start(program, arguments);
        process.WaitForExit();
        return process.ExitCode == 0;
    }

    [TestMethod]
    public void AReadOnlyFolderIsNamed()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Inconclusive("Windows has no read-only folders.");
            return;
        }
        using var images = new DrawnImages();
        using var model = TransformerTests.Make();
        // The administrator may write where nobody else may, except to the kernel's own folders.
        var folder = Environment.IsPrivilegedProcess ? "/sys/kernel" : images.Folder;
        if (!Directory.Exists(folder))
            Assert.Inconclusive("This administrator has no folder that is read-only.");
        var mode = File.GetUnixFileMode(images.Folder);
        File.SetUnixFileMode(images.Folder, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        try
        {
            var path = Path.Combine(folder, "model.zip");
            var saving = Assert.ThrowsExactly<IOException>(() => Training.Context().Model.SaveAtomically(model, null, path));
            StringAssert.StartsWith(saving.Message, $"The model could not be written to '{path}': ");
            var options = Training.Small(o => o.CheckpointFolder = Path.Combine(folder, "run"));
            var training = Assert.ThrowsExactly<IOException>(() => Training.Fit(Training.Data(9), options));
            StringAssert.Contains(training.Message, options.CheckpointFolder);
            StringAssert.Contains(training.Message, "cannot be written");
        }
        finally
        {
            File.SetUnixFileMode(images.Folder, mode);
        }
    }
}
