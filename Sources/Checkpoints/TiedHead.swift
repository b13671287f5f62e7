// Whether the tensors of a folder hold what its config.json says of the head.
import Base
import Foundation
import Models

extension ModelDescription {
  /// The model of a folder whose weights are read. Where config.json ties the head to the embedding and the files hold
  /// both with different numbers, the head is one of its own, as transformers 5 has it, and a note says so.
  /// - Throws: as `init(folder:)`, and where the numbers cannot be read. What else is wrong with the files is left to
  ///   `FolderWeights`.
  package static func stored(in folder: String) throws -> ModelDescription {
    let description = try ModelDescription(folder: folder)
    let (head, embedding) = (type(of: description.family).head, type(of: description.family).embedding)
    guard description.family.tied, let files = try? HuggingFaceWeights(folder: folder), files.contains(head),
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
  private static let stretch = 1 << 20

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
    for start in stride(from: 0, to: count, by: Self.stretch) {
      let range = start..<min(start + Self.stretch, count)
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
