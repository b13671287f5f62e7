// A matrix that a folder holds as whole numbers of few bits, read as what it stands for (see PackedForm).
import Base
import Tensors

struct PackedMatrix: Sendable {
  static let codes = ".weight_packed"
  static let scales = ".weight_scale"
  static let zeros = ".weight_zero_point"
  static let shape = ".weight_shape"
  /// What an order of columns would stand in.
  private static let order = ".weight_g_idx"

  let rows: Int
  let columns: Int
  let scaleType: StoredType
  var bits: Int { form.bits }
  private let form: PackedForm
  private let groups: Int
  private let hasZeros: Bool
  private let module: String

  /// Those of a folder, by the names of the tensors that they are read as.
  /// - Throws: everything that does not fit, or is packed in another way.
  static func all(in files: StoredTensors) throws -> [String: PackedMatrix] {
    let modules = files.names.filter { $0.hasSuffix(codes) }.map { String($0.dropLast(codes.count)) }
    guard !modules.isEmpty else { return [:] }
    let file = files.folder + "/config.json"
    let bits = try PackedForm.bits(of: try OpenFile.json(file), file: file)
    var (matrices, errors): ([String: PackedMatrix], [UserError]) = ([:], [])
    for module in modules {
      let name = module + ".weight"
      do {
        if files.contains(name) {
          throw UserError(.data, "stands beside \(module)\(codes)", at: "\(files.folder): \(name)")
        }
        matrices[name] = try PackedMatrix(module, bits: bits, in: files)
      } catch let error as UserError { errors.append(error) }
    }
    guard errors.isEmpty else { throw UserErrors(errors.shortened(at: files.folder)) }
    return matrices
  }

  /// - Parameters:
  ///   - module: that has a tensor of codes.
  ///   - bits: what config.json names.
  /// - Throws: where its tensors do not fit each other.
  init(_ module: String, bits: Set<Int>, in files: StoredTensors) throws {
    func refused(_ what: String) -> UserError {
      UserError(.data, what, at: "\(files.folder): \(module)\(Self.codes)")
    }
    self.module = module
    guard !files.contains(module + Self.order) else {
      throw refused("has groups in an order of their own (weight_g_idx), which are not read")
    }
    guard let sizes = files.entry(module + Self.shape), sizes.type.isInteger, sizes.count == 2,
      case let shape = try files.integers(module + Self.shape), shape.allSatisfy({ $0 > 0 && $0 < 1 << 31 })
    else { throw refused("has no weight_shape of two sizes beside it") }
    let (rows, columns) = (shape[0], shape[1])
    guard let codes = files.entry(module + Self.codes), codes.type == .i32, codes.shape.count == 2,
      codes.shape[0] == rows,
      let scales = files.entry(module + Self.scales), scales.type.isFloat, scales.shape.count == 2,
      scales.shape[0] == rows, scales.shape[1] > 0, columns % scales.shape[1] == 0
    else { throw refused("does not fit its weight_shape and weight_scale") }
    let fitting = bits.filter { PackedForm(bits: $0, group: nil).words(columns) == codes.shape[1] }
    guard fitting.count == 1, let count = fitting.first else {
      throw refused("has rows of \(codes.shape[1]) words, which hold no \(columns) numbers of 4 or 8 bits")
    }
    groups = scales.shape[1]
    form = PackedForm(bits: count, group: columns / groups)
    if let zeros = files.entry(module + Self.zeros) {
      guard zeros.type == .i32, zeros.shape == [form.words(rows), groups] else {
        throw refused("has a weight_zero_point beside it that does not fit")
      }
      hasZeros = true
    } else {
      hasZeros = false
    }
    (self.rows, self.columns, scaleType) = (rows, columns, scales.type)
  }

  /// The tensors that it lies in.
  var tensors: [String] {
    [Self.codes, Self.scales, Self.shape].map { module + $0 } + (hasZeros ? [module + Self.zeros] : [])
  }

  /// Reads numbers in row-major order, in fp32.
  /// - Throws: where a file cannot be read.
  func read(
    _ range: Range<Int>, into target: UnsafeMutableBufferPointer<Float>, from files: StoredTensors
  ) throws {
    guard !range.isEmpty else { return }
    let (first, last) = (range.lowerBound / columns, (range.upperBound - 1) / columns)
    let scales = try [Float](unsafeUninitializedCapacity: (last - first + 1) * groups) { buffer, count in
      count = (last - first + 1) * groups
      try files.read(
        module + Self.scales, into: UnsafeMutableBufferPointer(rebasing: buffer[..<count]),
        range: first * groups..<first * groups + count)
    }
    let zeros = try hasZeros ? files.withBytes(of: module + Self.zeros) { Array($0) } : nil
    _ = try files.withBytes(of: module + Self.codes) { codes in
      let (bits, stride) = (form.bits, 4 * form.words(columns))
      let mask = UInt8(truncatingIfNeeded: (1 << bits) - 1)
      let width = columns / groups
      for row in first...last {
        let start = max(range.lowerBound - row * columns, 0)
        let end = min(range.upperBound - row * columns, columns)
        var column = start
        while column < end {
          let group = column / width
          let scale = scales[(row - first) * groups + group]
          let zero =
            zeros.map { Int($0[form.zero(row, group, of: groups)] >> (row * bits % 8) & mask) } ?? form.offset
          let next = min((group + 1) * width, end)
          for place in column..<next {
            let code = Int(codes[row * stride + place * bits / 8] >> (place * bits % 8) & mask)
            target[row * columns + place - range.lowerBound] = scale * Float(code - zero)
          }
          column = next
        }
      }
    }
  }
}
