// Several values with the same rows become one, column after column.
import Kernels
import Tensors

extension Graph {
  func sideBySide(_ values: [Value]) -> Value {
    let columns = values.map(\.columns)
    let operation = SideBySide(rows: values[0].rows, columns: columns)
    return append(operation, inputs: values, columns: columns.reduce(0, +), rows: values[0].rows)
  }
}

struct SideBySide: Operation {
  let rows: Int
  /// Of each input.
  let columns: [Int]

  var keeps: Keeps { Keeps() }

  func forward(_ frame: Frame) {
    let width = columns.reduce(0, +)
    var start = 0
    for (index, count) in columns.enumerated() {
      frame.engine.multiplyColumns(
        ConstMatrix(frame.input(index), rows: rows, columns: count), by: nil,
        into: MutableMatrix(frame.output(0) + start, rows: rows, columns: count, stride: width), adding: false
      )
      start += count
    }
  }

  func backward(_ frame: Frame) {
    let width = columns.reduce(0, +)
    var start = 0
    for (index, count) in columns.enumerated() {
      if let dx = frame.inputGradient(index) {
        frame.engine.multiplyColumns(
          ConstMatrix(frame.outputGradient(0) + start, rows: rows, columns: count, stride: width), by: nil,
          into: MutableMatrix(dx.base, rows: rows, columns: count), adding: dx.adding)
      }
      start += count
    }
  }
}
