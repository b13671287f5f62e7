// take_first, take_first_k, majority_vote: which of several answers count.
import Base

struct TakeFirst: ResponseFilter {
  static let name = "take_first"
  init() {}
  init(_ keys: Section) {}
  func apply(_ responses: [JSON], doc: JSON) throws(FilterMistake) -> JSON { responses.first ?? .null }
}

struct TakeFirstFew: ResponseFilter {
  static let name = "take_first_k"
  private let count: Int

  init(_ keys: Section) { count = keys.integer("k", in: 1...1_000_000) }

  func apply(_ responses: [JSON], doc: JSON) throws(FilterMistake) -> JSON {
    guard responses.count >= count else {
      throw FilterMistake(what: "takes \(count) answers, and there are \(responses.count): raise repeats")
    }
    return .array(Array(responses.prefix(count)))
  }
}

/// The answer that comes most often; of several, the one that came first.
struct MajorityVote: ResponseFilter {
  static let name = "majority_vote"
  init(_ keys: Section) {}

  func apply(_ responses: [JSON], doc: JSON) throws(FilterMistake) -> JSON {
    var counts: [(answer: JSON, count: Int)] = []
    for response in responses {
      if let place = counts.firstIndex(where: { $0.answer == response }) {
        counts[place].count += 1
      } else {
        counts.append((response, 1))
      }
    }
    let most = counts.map(\.count).max()
    return .array([counts.first { $0.count == most }?.answer ?? .null])
  }
}
