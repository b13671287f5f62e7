// Times one candidate in a process of its own: OpenBLAS settles its kernels when it is loaded.
import Base
import Foundation
import Tensors

/// What a process is asked to time, and its answer.
package struct KernelTiming: Codable, Sendable {
  /// As `BLAS.open` takes it.
  package let name: String
  package let shapes: [ProductShape]

  package init(_ name: String, _ shapes: [ProductShape]) {
    self.name = name
    self.shapes = shapes
  }

  package struct Answer: Codable, Sendable {
    /// The fastest call of each shape, in processor time, added; nil if these kernels are not installed.
    package let seconds: Double?
    package let files: [FileStamp]
  }

  /// Each shape is called at least so often, and for at least so long.
  private static let calls = 3
  private static let nanoseconds: UInt64 = 20_000_000

  /// - Throws: `UserError` if the kernels give other numbers than they should, or start threads.
  package func run() throws -> Answer {
    let engine: Engine
    do { engine = try makeEngine(threads: 1) } catch let error as UserError where error.code == .usage {
      return Answer(seconds: nil, files: [])
    }
    let threads = Self.threadCount
    var seconds = 0.0
    for shape in shapes {
      let operands = Operands(shape)
      operands.multiply(engine)
      try operands.check()
      var best = UInt64.max
      let start = monotonicNanoseconds()
      var count = 0
      while count < Self.calls || monotonicNanoseconds() - start < Self.nanoseconds {
        let begin = Self.processorNanoseconds()
        operands.multiply(engine)
        best = min(best, Self.processorNanoseconds() - begin)
        count += 1
      }
      seconds += Double(best) / 1e9
    }
    guard Self.threadCount == threads else { throw Self.flaw("starts threads of its own") }
    // Two threads at once give the bits that one gives.
    if let shape = shapes.first {
      let (one, two) = (Operands(shape), Operands(shape))
      one.multiply(engine)
      two.multiply(try makeEngine(threads: 2))
      guard memcmp(one.c.base, two.c.base, 4 * one.c.count) == 0 else {
        throw Self.flaw("other bits with two threads")
      }
    }
    return Answer(seconds: seconds, files: Self.loaded())
  }

  private func makeEngine(threads: Int) throws -> Engine {
    try Engine(threads: threads, kernel: name == KernelCandidates.automatic ? nil : name)
  }

  fileprivate static func flaw(_ what: String) -> UserError { UserError(.software, what, hint: "") }

  /// What this process has had of the processor: what else the machine does counts for no candidate.
  private static func processorNanoseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  /// The threads of this process.
  private static var threadCount: Int {
    (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task"))?.count ?? 0
  }

  /// The matrix libraries that this process has opened.
  private static func loaded() -> [FileStamp] {
    // Foundation reads only the beginning of it.
    guard let maps = fopen("/proc/self/maps", "r") else { return [] }
    defer { fclose(maps) }
    var paths: Set<String> = []
    var line = [CChar](repeating: 0, count: Int(PATH_MAX) + 256)
    while fgets(&line, Int32(line.count), maps) != nil {
      let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      guard let start = text.firstIndex(of: "/") else { continue }
      let path = String(text[start...].prefix { $0 != "\n" })
      let file = (path as NSString).lastPathComponent
      if ["libopenblas", "libdnnl", "libblis"].contains(where: file.hasPrefix) { paths.insert(path) }
    }
    return paths.sorted().compactMap { FileStamp($0) }
  }
}

/// The matrices of one product.
private struct Operands {
  let shape: ProductShape
  let a, b, c: FlatMemory

  init(_ shape: ProductShape) {
    self.shape = shape
    a = FlatMemory(count: shape.m * shape.k, label: "timing")
    b = FlatMemory(count: shape.k * shape.n, label: "timing")
    c = FlatMemory(count: shape.m * shape.n, label: "timing")
    for index in 0..<a.count { a.base[index] = Float(index * 769 % 2003) / 1001.5 - 1 }
    for index in 0..<b.count { b.base[index] = Float(index * 1109 % 1999) / 999.5 - 1 }
  }

  func multiply(_ engine: Engine) {
    let (first, second) = (shape.transposition == .first, shape.transposition == .second)
    engine.multiply(
      ConstMatrix(
        UnsafePointer(a.base), rows: first ? shape.k : shape.m, columns: first ? shape.m : shape.k),
      ConstMatrix(
        UnsafePointer(b.base), rows: second ? shape.n : shape.k, columns: second ? shape.k : shape.n),
      shape.transposition, into: MutableMatrix(c.base, rows: shape.m, columns: shape.n))
  }

  /// Compares elements all over C with sums in fp64.
  func check() throws {
    let (m, n, k) = (shape.m, shape.n, shape.k)
    let probes = 64
    for probe in 0..<probes {
      // Corners first: what is left over from whole blocks is at the last row and column.
      let row = probe == 0 ? m - 1 : probe * 7919 % m
      let column = probe <= 1 ? n - 1 : probe * 104_729 % n
      var (sum, size) = (0.0, 0.0)
      for inner in 0..<k {
        let x = a.base[shape.transposition == .first ? inner * m + row : row * k + inner]
        let y = b.base[shape.transposition == .second ? column * k + inner : inner * n + column]
        sum += Double(x) * Double(y)
        size += abs(Double(x) * Double(y))
      }
      // Far more than any order of sums leaves, far less than a wrong element does.
      guard abs(Double(c.base[row * n + column]) - sum) <= 1e-5 * size else {
        throw KernelTiming.flaw("wrong numbers")
      }
    }
  }
}
