// The list of what data is looked through for: a new check is a file in Checks/ and a line here.

/// One thing to look for. It sees all rows of validation before those of training.
package protocol Check: AnyObject {
  /// As findings and docs call it.
  static var name: String { get }
  /// Whether it needs what rows say. The others are made at the start of every run, where only tokens are at hand.
  static var readsTexts: Bool { get }
  /// nil where it means nothing for this data.
  init?(_ facts: InspectionFacts)
  func look(at row: InspectedRow)
  func findings() -> [Finding]
}

package enum Checks {
  package static var all: [any Check.Type] {
    [
      // what tokens are learned
      RefusedRows.self, ChangedTurns.self, DoubledBeginning.self, DoubledEnd.self, EndNotLearned.self,
      EndDoesNotStop.self, PaddingIsTarget.self, PaddingIsEnd.self, RowsWithoutTargets.self, AnswersCut.self,
      RowsCut.self, MergedBoundaries.self, UnknownTokens.self, SpecialTokensInTexts.self, VeryLongRows.self,
      // rows beside rows
      ExactDuplicates.self, NearDuplicates.self, ExactInValidation.self, NearInValidation.self,
      GramsInValidation.self, EvaluationOverlap.self,
      // answers and labels
      EmptyAnswers.self, RepeatedAnswers.self, RoleOrder.self, SystemPrompts.self, LabelBalance.self,
      ConflictingLabels.self, LabelsOfValidation.self, IdenticalTexts.self,
      // what texts are made of
      Languages.self, OtherScripts.self, RepetitiveTexts.self, EncodingDamage.self, ControlCharacters.self,
      Secrets.self, Addresses.self,
    ]
  }
}
