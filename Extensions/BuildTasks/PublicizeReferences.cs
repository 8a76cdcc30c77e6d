using Microsoft.Build.Framework;
using Mono.Cecil;
using Task = Microsoft.Build.Utilities.Task;

namespace MLNetLosses.BuildTasks;

/// <summary>
/// Writes copies of referenced assemblies in which what was <c>internal</c> is <c>public</c>, for the compiler only: the program runs
/// against the originals, which <c>IgnoresAccessChecksToAttribute</c> opens. Private members, <c>protected internal</c> and <c>private
/// protected</c> ones stay as they are.
/// </summary>
public sealed class PublicizeReferences : Task
{
    /// <summary>All references of the compilation; the folders of these files are where types are looked up.</summary>
    [Required]
    public ITaskItem[] References { get; set; } = [];

    /// <summary>Names, without extension, of the assemblies to open.</summary>
    [Required]
    public string[] AssemblyNames { get; set; } = [];

    /// <summary>Where the copies go. A copy newer than its original is kept.</summary>
    [Required]
    public string OutputFolder { get; set; } = "";

    /// <summary>The references that the copies replace.</summary>
    [Output]
    public ITaskItem[] Replaced { get; private set; } = [];

    /// <summary>The copies, with the metadata of the references that they replace.</summary>
    [Output]
    public ITaskItem[] Publicized { get; private set; } = [];

    /// <inheritdoc/>
    public override bool Execute()
    {
        Replaced = [.. References.Where(r => AssemblyNames.Contains(Path.GetFileNameWithoutExtension(r.ItemSpec)))];
        foreach (var missing in AssemblyNames.Except(Replaced.Select(r => Path.GetFileNameWithoutExtension(r.ItemSpec))))
            Log.LogError($"{missing} is to be publicized, but the project does not reference it.");
        if (Log.HasLoggedErrors)
            return false;
        Directory.CreateDirectory(OutputFolder);
        Publicized = [.. Replaced.Select(Publicize)];
        return true;
    }

    private ITaskItem Publicize(ITaskItem reference)
    {
        var source = reference.ItemSpec;
        // A package's version is part of the path that leads to it, so a copy of another version gets another name.
        var stamp = Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(source)))[..8];
        var folder = Path.Combine(OutputFolder, stamp);
        var target = Path.Combine(folder, Path.GetFileName(source));
        if (!File.Exists(target) || File.GetLastWriteTimeUtc(target) < File.GetLastWriteTimeUtc(source))
        {
            Directory.CreateDirectory(folder);
            var staged = target + "." + Environment.ProcessId + ".tmp";
            Write(source, staged);
            File.Move(staged, target, overwrite: true);
            Log.LogMessage(MessageImportance.Normal, $"{target}: internals made public for the compiler.");
        }
        var item = new Microsoft.Build.Utilities.TaskItem(reference) { ItemSpec = target };
        return item;
    }

    private void Write(string source, string target)
    {
        using var resolver = new DefaultAssemblyResolver();
        foreach (var folder in References.Select(r => Path.GetDirectoryName(r.ItemSpec)).Distinct())
            resolver.AddSearchDirectory(folder);
        using var assembly = AssemblyDefinition.ReadAssembly(source, new ReaderParameters { AssemblyResolver = resolver });
        foreach (var type in assembly.Modules.SelectMany(module => module.GetTypes()))
            Publicize(type);
        assembly.Write(target);
    }

    private static void Publicize(TypeDefinition type)
    {
        if (type.IsNestedAssembly)
            type.IsNestedPublic = true;
        else if (!type.IsNested && type.IsNotPublic && !type.Name.StartsWith('<'))
            type.IsPublic = true;
        foreach (var method in type.Methods.Where(method => method.IsAssembly))
            method.IsPublic = true;
        // A field-like event's field bears the event's name: public, it would make every use of the event ambiguous.
        var names = type.Events.Select(e => e.Name).Concat(type.Properties.Select(p => p.Name)).ToHashSet(StringComparer.Ordinal);
        foreach (var field in type.Fields.Where(field => field.IsAssembly && !names.Contains(field.Name)))
            field.IsPublic = true;
    }
}
