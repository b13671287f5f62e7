// bleu, chrf: of right texts beside those that were written, as sacreBLEU computes them for the whole set.
import Base
import Metrics

struct CorpusBLEU: Aggregation {
  static let name = "bleu"
  static let error = StandardError.bootstrap(most: 100)
  func callAsFunction(_ values: [JSON]) -> Double? {
    var bleu = BLEU()
    for value in values {
      guard let (text, reference) = value.texts else { return nil }
      bleu.count(text, reference: reference)
    }
    return bleu.score
  }
}

struct CorpusCHRF: Aggregation {
  static let name = "chrf"
  static let error = StandardError.bootstrap(most: 100)
  func callAsFunction(_ values: [JSON]) -> Double? {
    var chrf = CHRF()
    for value in values {
      guard let (text, reference) = value.texts else { return nil }
      chrf.count(text, reference: reference)
    }
    return chrf.score
  }
}

extension JSON {
  /// What was written, and what is right.
  fileprivate var texts: (String, String)? {
    guard let parts = elements, parts.count == 2, let reference = parts[0].text, let text = parts[1].text
    else {
      return nil
    }
    return (text, reference)
  }
}
