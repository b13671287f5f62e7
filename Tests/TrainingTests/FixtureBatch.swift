// The micro-batch of a fixture, from the tensors that its script wrote.
import Checkpoints
import Datasets
import Testing

extension SafetensorsFile {
  /// All numbers of a tensor; none if there is no such tensor.
  func floats(_ name: String) throws -> [Float] {
    guard let entry = entry(name) else { return [] }
    var values = [Float](repeating: 0, count: entry.count)
    try values.withUnsafeMutableBufferPointer { try read(name, into: $0, range: 0..<entry.count) }
    return values
  }

  /// `tokens` [B, T] and `lengths` [B], with `numbers` [B · n] or `targets` [B, T] if there are some.
  /// - Parameter prefix: what the names of the tensors begin with.
  func batch(_ prefix: String = "", rowsPerSample size: Int = 1) throws -> Batch {
    let shape = try #require(entry(prefix + "tokens")).shape
    let (rows, length) = (shape[0], shape[1])
    let targets =
      entry(prefix + "targets") == nil
      ? [Int32](repeating: Batch.noTarget, count: rows * length)
      : try integers(prefix + "targets").map { Int32($0) }
    var batch = Batch(
      rows: rows, length: length, tokens: try integers(prefix + "tokens").map { Int32($0) },
      targets: targets, positions: (0..<rows * length).map { Int32($0 % length) },
      lengths: try integers(prefix + "lengths").map { Int32($0) }, numbers: try floats(prefix + "numbers"),
      sampleIDs: (0..<rows).map { Int32($0) }, sequences: Array(0..<rows),
      targetCount: targets.contains { $0 >= 0 } ? targets.count { $0 >= 0 } : rows / size)
    batch.rowsPerSample = size
    return batch
  }
}
