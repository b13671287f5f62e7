// W = U diag(s) V, by LAPACK's divide and conquer (`sgesdd`), which OpenBLAS brings along.
import Base
import Tensors

extension BLAS {
  /// LAPACK is Fortran: everything is passed by address, and the length of the text follows at the end.
  typealias SGESDD =
    @convention(c) (
      _ job: UnsafePointer<CChar>, _ m: UnsafePointer<Int32>, _ n: UnsafePointer<Int32>,
      _ a: UnsafeMutablePointer<Float>, _ lda: UnsafePointer<Int32>, _ s: UnsafeMutablePointer<Float>,
      _ u: UnsafeMutablePointer<Float>, _ ldu: UnsafePointer<Int32>, _ vt: UnsafeMutablePointer<Float>,
      _ ldvt: UnsafePointer<Int32>, _ work: UnsafeMutablePointer<Float>, _ lwork: UnsafePointer<Int32>,
      _ iwork: UnsafeMutablePointer<Int32>, _ info: UnsafeMutablePointer<Int32>, _ length: Int
    ) -> Void
}

/// The decomposition of a matrix [m, n], with k = min(m, n).
package struct SingularValues {
  /// [k], the largest first.
  package let values: FlatMemory
  /// [m, k]
  package let left: FlatMemory
  /// [k, n]
  package let right: FlatMemory

  /// On the calling thread. The bits depend on the kernels of the library, and on nothing else.
  /// - Parameters:
  ///   - x: [rows, columns], row-major; destroyed.
  ///   - name: what messages call it.
  /// - Throws: if a number is not finite, or the iteration does not converge.
  package init(
    of x: UnsafeMutablePointer<Float>, rows: Int, columns: Int, name: String, by blas: BLAS
  ) throws {
    guard !blas.isPortable else {
      throw UserError(
        .usage, "is portable, which does not decompose matrices, as \(name) needs", at: "parallel.arithmetic",
        hint: "choose another method.init, or native")
    }
    guard let sgesdd = blas.sgesdd else {
      throw UserError(
        .usage, "libopenblas.so.0 has no sgesdd", hint: "install OpenBLAS with LAPACK: libopenblas-dev has it"
      )
    }
    let count = min(rows, columns)
    values = FlatMemory(count: count, label: "loading")
    left = FlatMemory(count: rows * count, label: "loading")
    right = FlatMemory(count: count * columns, label: "loading")
    // By columns, x is its transpose: V' is what LAPACK calls U, and U' what it calls V'.
    let (m, n, k) = (Int32(columns), Int32(rows), Int32(count))
    let integers = UnsafeMutablePointer<Int32>.allocate(capacity: 8 * count)
    defer { integers.deallocate() }
    var info: Int32 = 0
    var size: Float = 0
    func run(_ work: UnsafeMutablePointer<Float>, _ length: Int32) {
      withUnsafePointer(to: m) { m in
        withUnsafePointer(to: n) { n in
          withUnsafePointer(to: k) { k in
            withUnsafePointer(to: length) { length in
              sgesdd(
                "S", m, n, x, m, values.base, right.base, m, left.base, k, work, length, integers, &info, 1)
            }
          }
        }
      }
    }
    run(&size, -1)
    // The size is a float, which may have been rounded down.
    let room = Int(size) + Int(size) / 1000 + 64
    let work = FlatMemory(count: room, label: "loading")
    run(work.base, Int32(room))
    guard info == 0 else {
      throw UserError(
        .data,
        info < 0
          ? "has numbers that are not finite: it has no singular values"
          : "has singular values that did not converge (sgesdd: \(info))", at: name,
        hint: "check the model with swiftdp checkpoint verify, or set method.init=default")
    }
  }
}
