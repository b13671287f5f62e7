// How one text is encoded: find added tokens in the raw text, normalise, find added tokens in the normalised text,
// cut into words, apply the model.

/// The tokens of a text, and where each comes from if that was asked for.
struct FoundTokens {
  var ids: [Int32]
  /// For each token, where its first and its last character start in the original; empty unless traced.
  var places: [(first: UInt32, last: UInt32)] = []
}

/// For one thread at a time; its cache makes the next text faster.
final class TextEncoder: @unchecked Sendable {  // `Tokenizer.idle` hands it to one thread at a time
  /// An encoder larger than this is not kept for the next text.
  static let largestKept = 64 << 20

  private let model: any TokenModelEncoder
  private let addedTokens: AddedTokens
  private let normalizers: [any Normalizer]
  /// Of the text that is encoded at the moment.
  private var preTokenizers: [any PreTokenizer] = []
  private var words = Words()
  private var normalized = TracedText()
  private var spans: [Range<Int>] = []

  init(model: any TokenModelEncoder, addedTokens: AddedTokens, normalizers: [any Normalizer]) {
    self.model = model
    self.addedTokens = addedTokens
    self.normalizers = normalizers
  }

  var footprint: Int { model.footprint + words.footprint + normalized.footprint + spans.capacity * 16 }

  /// - Parameter text: valid UTF-8.
  func encode(
    _ text: UnsafeBufferPointer<UInt8>, before: [Int32], after: [Int32], splitBy steps: [any PreTokenizer]
  ) -> [Int32] {
    preTokenizers = steps
    var found = FoundTokens(ids: before)
    found.ids.reserveCapacity(text.count / 3 + before.count + after.count + 4)
    encode(text, origins: nil, into: &found)
    found.ids.append(contentsOf: after)
    return found.ids
  }

  /// The tokens of a text and where they come from.
  func trace(_ text: TracedText, splitBy steps: [any PreTokenizer]) -> FoundTokens {
    preTokenizers = steps
    var found = FoundTokens(ids: [])
    text.bytes.withUnsafeBufferPointer { encode($0, origins: text.origins, into: &found) }
    return found
  }

  private func encode(
    _ text: UnsafeBufferPointer<UInt8>, origins: [UInt32]?, into found: inout FoundTokens
  ) {
    addedTokens.raw.split(text) { range, id in
      if let id {
        append(id, range, origins, to: &found)
      } else {
        encodeStretch(
          UnsafeBufferPointer(rebasing: text[range]), origins: origins?[range],
          isStart: range.lowerBound == 0, into: &found)
      }
    }
  }

  private func append(_ id: Int32, _ range: Range<Int>, _ origins: [UInt32]?, to found: inout FoundTokens) {
    found.ids.append(id)
    guard let origins else { return }
    let last = max(range.upperBound - 1, range.lowerBound)
    found.places.append(
      (origins[min(range.lowerBound, origins.count - 1)], origins[min(last, origins.count - 1)]))
  }

  private func encodeStretch(
    _ text: UnsafeBufferPointer<UInt8>, origins: ArraySlice<UInt32>?, isStart: Bool,
    into found: inout FoundTokens
  ) {
    if normalizers.isEmpty, origins == nil {
      encodeNormalized(text, origins: nil, isStart: isStart, into: &found)
      return
    }
    normalized.load(text, origins: origins)
    for normalizer in normalizers { normalizer.normalize(&normalized) }
    let origins = normalized.isTraced ? normalized.origins : nil
    normalized.bytes.withUnsafeBufferPointer {
      encodeNormalized($0, origins: origins, isStart: isStart, into: &found)
    }
  }

  private func encodeNormalized(
    _ text: UnsafeBufferPointer<UInt8>, origins: [UInt32]?, isStart: Bool, into found: inout FoundTokens
  ) {
    addedTokens.normalized.split(text) { range, id in
      if let id {
        append(id, range, origins, to: &found)
        return
      }
      words.load(
        UnsafeBufferPointer(rebasing: text[range]), origins: origins?[range],
        isStart: isStart && range.lowerBound == 0)
      for preTokenizer in preTokenizers { preTokenizer.apply(to: &words) }
      guard origins != nil else { return model.encode(words, into: &found.ids) }
      spans.removeAll(keepingCapacity: true)
      model.trace(words, into: &found.ids, spans: &spans)
      for span in spans {
        let last = min(max(span.upperBound - 1, span.lowerBound), words.origins.count - 1)
        found.places.append((words.origins[min(span.lowerBound, last)], words.origins[last]))
      }
    }
  }
}
