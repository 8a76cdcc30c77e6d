namespace MLNetLosses;

/// <summary>A point of a precision-recall curve.</summary>
/// <param name="Recall">The share of the targets that is found.</param>
/// <param name="Precision">
/// The highest share of the detections that is right, at this recall or more; 0 where the recall is not reached.
/// </param>
/// <param name="Score">The threshold of scores that gives the recall; NaN where it is not reached.</param>
public readonly record struct PrecisionRecallPoint(double Recall, double Precision, double Score);
