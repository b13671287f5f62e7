// The reader of an index of passages: a database, and a file of vectors.
import Base
import Foundation
import Retrieval

extension HostileReader {
  /// The bytes as index.sqlite; those after a line `%%VECTORS%%` are its first file of vectors. Everything that a search reads
  /// is read.
  static func readRetrieval(_ bytes: UnsafeRawBufferPointer, in folder: String) throws {
    let all = Data(bytes)
    let mark = all.range(of: Data("\n%%VECTORS%%\n".utf8))
    func write(_ bytes: Data, _ name: String) throws {
      try bytes.write(to: URL(fileURLWithPath: folder + "/" + name))
    }
    for name in ["-journal", "-wal", "-shm"] { unlink("\(folder)/\(IndexDatabase.name)\(name)") }
    try write(all[..<(mark?.lowerBound ?? all.endIndex)], IndexDatabase.name)
    try write(
      mark.map { all[$0.upperBound...] } ?? Data(), VectorPart.stem(1) + ".safetensors")
    let index = try IndexDatabase(folder)
    let facts = try index.completeFacts()
    let counts = try index.counts()
    let numbers = try index.read { db in
      let found = try index.lexical(Array("the cat AND \"é".utf8), count: 5, among: nil, db)
      let chunks = try index.chunks(found.map(\.number) + [1, 2, -1, .max], db)
      guard chunks.allSatisfy({ $0.number != 0 }) else { throw Finding("a chunk has no number") }
      return try index.parts(db)
    }
    guard counts.parts >= 0, let first = numbers.first else { return }
    let part = try VectorPart(folder, number: first, width: facts.width, type: facts.type)
    let sum = try part.withRows { rows -> Float in
      var sum: Float = 0
      var room = [Float](repeating: 0, count: part.width)
      for row in 0..<min(part.rows, 64) {
        room.withUnsafeMutableBufferPointer { rows.copy(row: row, into: $0.baseAddress!) }
        sum += room.reduce(0, +)
      }
      return sum
    }
    _ = sum
    guard part.clusters.map({ $0.starts.last == part.rows }) ?? true else {
      throw Finding("lists end at \(part.clusters?.starts.last ?? 0) of \(part.rows) rows")
    }
  }
}
