// A model whose padding is the token that ends its texts.
import Base

final class PaddingIsEnd: Check {
  static let name = "padding_is_end"
  static let readsTexts = true
  private let end: String

  init?(_ facts: InspectionFacts) {
    guard let padding = facts.padding, facts.learnsToWrite, padding == facts.encoder.endOfText else {
      return nil
    }
    end = facts.spelling(padding)
  }

  func look(at row: InspectedRow) {}

  func findings() -> [Finding] {
    [
      Finding(
        Self.name, .note, "\(end) is both the padding and the end of texts",
        advice:
          "nothing to do here: swiftdp tells padding by its place, and learns ends; trainers that leave every padding token out of the loss would not"
      )
    ]
  }
}
