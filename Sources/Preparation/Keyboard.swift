// Which keys lie beside each other (QWERTY), for mistakes of the fingers.

enum Keyboard {
  private static let rows = ["1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm"]

  /// The letters and digits around each, in one order.
  static let neighbours: [UInt8: [UInt8]] = {
    var all: [UInt8: [UInt8]] = [:]
    let keys = rows.map { Array($0.utf8) }
    for (row, line) in keys.enumerated() {
      for (place, key) in line.enumerated() {
        // Each row lies half a key to the right of the one above.
        let around = [
          (row, place - 1), (row, place + 1), (row - 1, place), (row - 1, place + 1), (row + 1, place - 1),
          (row + 1, place),
        ]
        all[key] = around.compactMap { row, place in
          keys.indices.contains(row) && keys[row].indices.contains(place) ? keys[row][place] : nil
        }
      }
    }
    return all
  }()
}
