// Instruction sets that a binary was built for and a processor lacks.
import Base
import CProcessor
import Testing

@Suite struct InstructionSetsTests {
  private func sets(_ places: [Int]) -> InstructionSets {
    InstructionSets(bits: places.reduce(0) { $0 | 1 << UInt64($1) })
  }

  @Test func missingSetsAreNamed() {
    let newer = sets([
      Int(swiftdp_set_fma), Int(swiftdp_set_avx2), Int(swiftdp_set_avx512vbmi2), Int(swiftdp_set_gfni),
    ])
    let older = sets([Int(swiftdp_set_fma), Int(swiftdp_set_avx2)])
    #expect(newer.missing(in: older).names == ["AVX-512 VBMI2", "GFNI"])
    #expect(older.missing(in: newer).names.isEmpty)
    #expect(newer.names == ["FMA", "AVX2", "AVX-512 VBMI2", "GFNI"])
  }

  /// Each set has one name, and no two the same.
  @Test func everySetHasAName() {
    let all = sets(Array(0..<Int(swiftdp_set_count)))
    #expect(all.names.count == Int(swiftdp_set_count) && all.names.count > 40)
    #expect(Set(all.names).count == all.names.count && !all.names.contains(""))
  }

  #if arch(x86_64)
    /// Every x86-64 processor that runs Swift has these.
    @Test func thisProcessor() {
      #expect(InstructionSets.offered.names.contains("SSE3"))
      #expect(!InstructionSets.offered.hasAVX512 || InstructionSets.offered.hasAVX2)
    }
  #endif
}
