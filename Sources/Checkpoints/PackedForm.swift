// Matrices of four or eight bits as the compressed-tensors package names and lays them out ("pack-quantized"): transformers
// loads such a folder with that package.
//
// W[r, c] = scale[r, c / group] · (code − zero[r, c / group]), codes from −2^(b−1). Files have them as whole numbers from 0,
// the first in the lowest bits of a 32-bit word: `weight_packed` [rows, ⌈columns · b / 32⌉] along rows, `weight_zero_point`
// [⌈rows · b / 32⌉, groups] along columns. `weight_scale` is [rows, groups], and `weight_shape` has rows and columns. Folders
// that are written have no zeros: transformers 5 with compressed-tensors 0.20 makes no room for packed ones, and refuses them.
import Base
import Tensors

/// What numbers of a folder are packed to.
package struct PackedForm: Equatable, Sendable {
  package let bits: Int
  /// How many numbers of a row share a scale; nil for all of them.
  package let group: Int?

  /// - Parameter bits: 4 or 8.
  package init(bits: Int, group: Int?) { (self.bits, self.group) = (bits, group) }

  /// What a code is stored as a difference from.
  var offset: Int { 1 << (bits - 1) }
  /// Of words that hold so many codes.
  func words(_ codes: Int) -> Int { (codes * bits + 31) / 32 }

  /// The tensors that stand for a matrix.
  /// - Parameters:
  ///   - module: without `.weight`.
  ///   - type: of scales.
  package func tensors(
    _ module: String, rows: Int, columns: Int, type: StoredType
  ) -> [(name: String, type: StoredType, shape: [Int])] {
    let groups = columns / (group ?? columns)
    return [
      (module + PackedMatrix.codes, .i32, [rows, words(columns)]),
      (module + PackedMatrix.scales, type, [rows, groups]),
      (module + PackedMatrix.shape, .i64, [2]),
    ]
  }

  /// The bytes of codes.
  /// - Parameter codes: [rows, columns], each from −2^(b−1) to 2^(b−1) − 1.
  package func packed(_ codes: [Int8], rows: Int, columns: Int) -> [UInt8] {
    let stride = 4 * words(columns)
    var bytes = [UInt8](repeating: 0, count: rows * stride)
    for row in 0..<rows {
      for column in 0..<columns {
        let code = UInt8(Int(codes[row * columns + column]) + offset)
        bytes[row * stride + column * bits / 8] |= code << (column * bits % 8)
      }
    }
    return bytes
  }

  /// Which byte holds a zero.
  func zero(_ row: Int, _ group: Int, of groups: Int) -> Int {
    let bit = row * bits
    return 4 * (bit / 32 * groups + group) + bit % 32 / 8
  }

  /// What config.json says of a folder whose projections are packed.
  /// - Parameter others: modules of torch's `Linear` that are not.
  package func settings(ignoring others: [String]) -> [(key: String, value: JSON)] {
    let weights: JSON = .object([
      "num_bits": .integer(bits), "type": .string("int"), "symmetric": .bool(true),
      "strategy": .string(group == nil ? "channel" : "group"),
      "group_size": group.map { .integer($0) } ?? .null,
      "dynamic": .bool(false), "actorder": .null,
    ])
    let scheme: JSON = .object([
      "targets": .array([.string("Linear")]), "weights": weights, "input_activations": .null,
      "output_activations": .null, "format": .string(Self.format),
    ])
    return [
      (
        Self.key,
        .object([
          "quant_method": .string(Self.method), "format": .string(Self.format),
          "quantization_status": .string("compressed"), "config_groups": .object(["group_0": scheme]),
          "ignore": .array(others.map { .string($0) }), "kv_cache_scheme": .null,
        ])
      )
    ]
  }

  package static let key = "quantization_config"
  private static let method = "compressed-tensors"
  private static let format = "pack-quantized"

  /// The numbers of bits that config.json of a packed folder names.
  /// - Throws: where it says that something else than weights of 4 or 8 bits is stored or computed.
  static func bits(of config: JSON, file: String) throws(UserError) -> Set<Int> {
    func refused(_ path: String, _ what: String) -> UserError {
      UserError(
        .data, what, at: "\(file): \(key)\(path)", hint: "weights of 4 or 8 bits, \"\(format)\", are read")
    }
    guard let own = config[key], own.members != nil else {
      throw refused("", "is missing, though weights are packed")
    }
    for (name, expected) in [("quant_method", method), ("format", format)] {
      let found = own[name]?.text ?? ""
      guard found == expected else { throw refused("." + name, "\(found.quoted) is not read") }
    }
    for name in ["kv_cache_scheme", "sparsity_config", "transform_config"] {
      guard own[name] == nil || own[name]?.isNull == true || own[name]?.members?.isEmpty == true else {
        throw refused("." + name, "is not supported")
      }
    }
    var bits: Set<Int> = []
    for group in own["config_groups"]?.members ?? [] {
      let path = ".config_groups." + String(decoding: group.key, as: UTF8.self).printable(80)
      for name in ["input_activations", "output_activations"] {
        guard group.value[name] == nil || group.value[name]?.isNull == true else {
          throw refused("\(path).\(name)", "is not supported")
        }
      }
      guard let weights = group.value["weights"], (weights["type"]?.text ?? "int") == "int",
        let count = weights["num_bits"]?.integer, [4, 8].contains(count)
      else { throw refused(path + ".weights", "are not read") }
      bits.insert(count)
    }
    guard !bits.isEmpty else { throw refused(".config_groups", "names no weights") }
    return bits
  }
}
