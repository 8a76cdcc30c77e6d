using System.Text;

namespace MLNetLosses.Losses;

/// <summary>The page of losses: one table a family, a row a loss, made from <see cref="LossCatalog"/>.</summary>
internal static class LossTable
{
    private const string Head = """
        | loss | formula | use it when | do not use it when, or not so | cost | paper |
        |---|---|---|---|---|---|
        """;

    /// <summary>The tables in Markdown. Links lead from the folder of the losses to their files.</summary>
    public static string Markdown()
    {
        var page = new StringBuilder();
        foreach (var family in LossCatalog.All.Where(loss => loss.Type.Assembly == typeof(Loss).Assembly).GroupBy(loss => loss.Family))
        {
            page.Append($"### {family.Key}: {family.Count()} losses\n\n{Head.ReplaceLineEndings("\n")}\n");
            foreach (var loss in family)
                page.Append(Row(loss)).Append('\n');
            page.Append('\n');
        }
        return page.ToString().TrimEnd('\n') + '\n';
    }

    /// <summary>The file of a loss, from the folder of the losses.</summary>
    public static string PathOf(LossInfo loss) => $"{loss.Family}/{loss.Type.Name}.cs";

    private static string Row(LossInfo loss)
    {
        var guide = loss.Guide ?? throw new InvalidOperationException($"{loss.Type.Name} has no [LossGuide].");
        string[] cells =
        [
            $"[{loss.Name}]({PathOf(loss)})",
            $"`{guide.Formula.Replace("|", "\\|")}`",
            Prose(guide.Use),
            Prose(guide.Avoid),
            Prose(guide.Cost),
            Prose(guide.Paper),
        ];
        return $"| {string.Join(" | ", cells)} |";
    }

    private static string Prose(string text) => text.Length == 0 ? "–" : text.Replace("|", "\\|").Replace("<", "&lt;").Replace("*", "\\*");
}
