// What the numbers of a tensor may be written as. Another type is one more file, and one more line here.
import Base

/// A type of ggml. Blocks of numbers go together; a row holds whole blocks.
package protocol GGUFType: Sendable {
  /// As `--type` has it.
  static var name: String { get }
  /// ggml's number of the type.
  static var number: UInt32 { get }
  /// llama.cpp's number of a file that is mostly of this type (`llama_ftype`).
  static var fileNumber: UInt32 { get }
  /// How many numbers make a block, and how many bytes that takes.
  static var block: (numbers: Int, bytes: Int) { get }
  /// Whether numbers are rounded so far that the matrix in front of the softmax keeps a finer type.
  static var isCoarse: Bool { get }
  /// The bytes of whole blocks.
  static func encode(_ values: UnsafeBufferPointer<Float>) -> [UInt8]
}

extension GGUFType {
  package static var isCoarse: Bool { false }
  package static func bytes(_ numbers: Int) -> Int { numbers / block.numbers * block.bytes }
}

package let ggufTypes: [any GGUFType.Type] = [F32.self, F16.self, BF16.self, Q8_0.self, Q4_0.self, Q4_K.self]

/// - Throws: where `--type` names none of them.
func ggufType(_ name: String, among types: [any GGUFType.Type]) throws(UserError) -> any GGUFType.Type {
  if let type = types.first(where: { $0.name == name }) { return type }
  let names = types.map { $0.name }
  throw UserError(
    .usage, "\"\(name)\" is none of \(names.joined(separator: ", "))", at: "--type",
    hint: nearest(to: name, among: names).map { "did you mean \($0)?" } ?? "")
}

extension GGUFType {
  /// The type of one tensor in a file of this type. Vectors and positions are fp32. The matrix in front of the softmax keeps
  /// eight bits. Rows that blocks do not fill have smaller blocks, or none.
  static func chosen(shape: [Int], isHead: Bool = false, isPositions: Bool = false) -> any GGUFType.Type {
    guard shape.count > 1, !isPositions else { return F32.self }
    let wishes: [any GGUFType.Type] = (isHead && isCoarse ? [] : [Self.self]) + [Q8_0.self, F16.self]
    return wishes.first { shape[shape.count - 1] % $0.block.numbers == 0 } ?? F16.self
  }

  /// - Throws: where a number is not finite in this type.
  static func check(_ values: [Float], of name: String) throws {
    // From there on fp16 rounds to infinity, and the scales of blocks are fp16.
    let limit: Float = number == F32.number ? .infinity : 65520
    guard let bad = values.first(where: { !(abs($0) < limit) }) else { return }
    throw UserError(
      .data, "has \(bad), which is beyond \(self.name)", at: name,
      hint: bad.isFinite ? "export it as f32" : "")
  }
}
