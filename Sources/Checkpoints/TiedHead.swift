// Compares the tensors of a folder with what its config.json says about the head.
import Base
import Foundation
import Models

extension ModelDescription {
  /// Describes the model of a folder whose weights are read. If config.json ties the head to the embedding, but the
  /// files hold both with different numbers, the model gets a head of its own, as in transformers 5, and a note says
  /// so.
  /// - Throws: as `init(folder:)`, and if the numbers cannot be read. `FolderWeights` reports everything else that is
  ///   wrong with the files.
  package static func stored(in folder: String) throws -> ModelDescription {
    let description = try ModelDescription(folder: folder)
    let (head, embedding) = (type(of: description.family).head, type(of: description.family).embedding)
    guard description.head.hasVocabulary, description.family.tied,
      let files = try? HuggingFaceWeights(folder: folder), files.contains(head),
      let stored = description.names(of: embedding).first(where: files.contains), stored != head,
      try !files.areEqual(head, stored)
    else { return description }
    return try description.untied(
      note: "\(folder): \(head) differs from \(stored), though config.json ties them (tie_word_embeddings): "
        + "they stay apart, as in transformers")
  }
}

extension HuggingFaceWeights {
  /// Numbers that are compared at once.
  private static let chunk = 1 << 20

  /// Whether two tensors have the same shape and numbers.
  fileprivate func areEqual(_ a: String, _ b: String) throws -> Bool {
    guard let shape = shape(of: a), shape == self.shape(of: b) else { return false }
    if type(of: a) == type(of: b) {
      let haveSameBytes = try withBytes(of: a) { a in
        try withBytes(of: b) { b in
          a.count == b.count && (a.isEmpty || memcmp(a.baseAddress!, b.baseAddress!, a.count) == 0)
        }
      }
      if haveSameBytes == true { return true }
    }
    let count = shape.reduce(1, *)
    var (x, y) = ([Float](), [Float]())
    for start in stride(from: 0, to: count, by: Self.chunk) {
      let range = start..<min(start + Self.chunk, count)
      try read(a, range, into: &x)
      try read(b, range, into: &y)
      if x != y { return false }
    }
    return true
  }

  private func read(_ name: String, _ range: Range<Int>, into values: inout [Float]) throws {
    values = [Float](repeating: 0, count: range.count)
    try values.withUnsafeMutableBufferPointer { try read(name, into: $0, range: range) }
  }
}
