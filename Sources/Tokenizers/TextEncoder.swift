// How one text is encoded: find added tokens in the raw text, normalise, find added tokens in the normalised text,
// cut into words, apply the model.

/// For one thread at a time; its cache makes the next text faster.
final class TextEncoder: @unchecked Sendable {  // `Tokenizer.idle` hands it to one thread at a time
  /// An encoder larger than this is not kept for the next text.
  static let largestKept = 64 << 20

  private let model: any TokenModelEncoder
  private let addedTokens: AddedTokens
  private let normalizers: [any Normalizer]
  private let preTokenizers: [any PreTokenizer]
  private var words = Words()
  private var normalized: [UInt8] = []

  init(
    model: any TokenModelEncoder, addedTokens: AddedTokens, normalizers: [any Normalizer],
    preTokenizers: [any PreTokenizer]
  ) {
    self.model = model
    self.addedTokens = addedTokens
    self.normalizers = normalizers
    self.preTokenizers = preTokenizers
  }

  var footprint: Int { model.footprint + words.footprint + normalized.capacity }

  /// - Parameter text: valid UTF-8.
  func encode(_ text: UnsafeBufferPointer<UInt8>, before: [Int32], after: [Int32]) -> [Int32] {
    var ids = before
    ids.reserveCapacity(text.count / 3 + before.count + after.count + 4)
    addedTokens.raw.split(text) { range, id in
      if let id {
        ids.append(id)
      } else {
        encodeStretch(
          UnsafeBufferPointer(rebasing: text[range]), isStart: range.lowerBound == 0, into: &ids)
      }
    }
    ids.append(contentsOf: after)
    return ids
  }

  private func encodeStretch(_ text: UnsafeBufferPointer<UInt8>, isStart: Bool, into ids: inout [Int32]) {
    if normalizers.isEmpty {
      encodeNormalized(text, isStart: isStart, into: &ids)
      return
    }
    normalized.removeAll(keepingCapacity: true)
    normalized.append(contentsOf: text)
    for normalizer in normalizers { normalizer.normalize(&normalized) }
    normalized.withUnsafeBufferPointer { encodeNormalized($0, isStart: isStart, into: &ids) }
  }

  private func encodeNormalized(_ text: UnsafeBufferPointer<UInt8>, isStart: Bool, into ids: inout [Int32]) {
    addedTokens.normalized.split(text) { range, id in
      if let id {
        ids.append(id)
        return
      }
      words.load(UnsafeBufferPointer(rebasing: text[range]), isStart: isStart && range.lowerBound == 0)
      for preTokenizer in preTokenizers { preTokenizer.apply(to: &words) }
      model.encode(words, into: &ids)
    }
  }
}
