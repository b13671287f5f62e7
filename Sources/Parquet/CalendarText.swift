// Dates and times as texts (ISO 8601), in the proleptic Gregorian calendar.
import Base

package enum CalendarText {
  private static let daySeconds: Int64 = 86_400

  /// - Parameter days: since 1970-01-01.
  package static func date(days: Int64) -> String {
    // The days of eras of 400 years, which begin in March (Howard Hinnant, "chrono-Compatible Low-Level Date
    // Algorithms").
    let shifted = Int128(days) + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let day = Int(shifted - era * 146_097)
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365
    let dayOfYear = day - (365 * year + year / 4 - year / 100)
    let month = (5 * dayOfYear + 2) / 153
    let dayOfMonth = dayOfYear - (153 * month + 2) / 5 + 1
    let realYear = Int128(year) + era * 400 + (month >= 10 ? 1 : 0)
    let sign = realYear < 0 ? "-" : ""
    return sign + zeroPadded("\(realYear.magnitude)", to: 4) + "-"
      + zeroPadded("\(month < 10 ? month + 3 : month - 9)", to: 2) + "-" + zeroPadded("\(dayOfMonth)", to: 2)
  }

  /// - Parameter count: units since midnight.
  static func time(_ count: Int64, _ unit: TimeUnit) -> String {
    let (seconds, fraction) = floorDivide(count, unit.perSecond)
    func two(_ number: Int64) -> String { zeroPadded("\(number)", to: 2) }
    return two(seconds / 3600) + ":" + two(abs(seconds) / 60 % 60) + ":" + two(abs(seconds) % 60) + "."
      + zeroPadded("\(fraction)", to: unit.digits)
  }

  /// - Parameters:
  ///   - count: units since 1970.
  ///   - isUTC: whether the place on earth is known, which the text shows by a Z.
  package static func timestamp(_ count: Int64, _ unit: TimeUnit, isUTC: Bool) -> String {
    let (days, rest) = floorDivide(count, unit.perSecond * daySeconds)
    return date(days: days) + "T" + time(rest, unit) + (isUTC ? "Z" : "")
  }

  /// The time of day in nanoseconds, and the Julian day, as older programs wrote them.
  static func timestamp(int96 bytes: UnsafeRawBufferPointer) -> String {
    let nanoseconds = Int64(littleEndian: bytes.loadUnaligned(as: Int64.self))
    let day = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt32.self))
    let (days, rest) = floorDivide(nanoseconds, TimeUnit.nanoseconds.perSecond * daySeconds)
    return date(days: Int64(day) - 2_440_588 + days) + "T" + time(rest, .nanoseconds)
  }

  private static func floorDivide(_ value: Int64, _ by: Int64) -> (Int64, Int64) {
    let (quotient, rest) = value.quotientAndRemainder(dividingBy: by)
    return rest < 0 ? (quotient - 1, rest + by) : (quotient, rest)
  }
}
