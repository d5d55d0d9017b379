#include "server/promql/functions/go_math.h"

#include <bit>

#include "tests/catch.h"

namespace narthex::promql {
namespace {

// Answers of a Prometheus built with Go for amd64, arguments chosen where others differ.
TEST_CASE("Go's functions") {
  struct Case {
    double (*function)(double);
    double x, want;
  };
  for (const Case& c : {Case{GoExp, -0.19204385011266734, 0.8252706794859658},
                        Case{GoExp, -0.2520404335509925, 0.777213311939535},
                        Case{GoLog, 0.07725826039666361, -2.5606014382198152},
                        Case{GoLog, 0.3211357918232822, -1.135891217816162},
                        Case{GoLog10, 0.22643212360750375, -0.6450619603644241},
                        Case{GoLog10, 0.3211357918232822, -0.49331128793992385},
                        Case{GoSin, 0.8039986310648337, 0.7201362216529893},
                        Case{GoSin, 0.8415284561387366, 0.745662437417841},
                        Case{GoCos, -0.4976979832495598, 0.8786838812587504},
                        Case{GoCos, 0.22643212360750375, 0.9744735916494938},
                        Case{GoTan, 0.87675371205687, 1.201698832407895},
                        Case{GoTan, -0.9847604121982159, -1.5064106590139488},
                        Case{GoAsin, -0.6423953588267755, -0.6976197635992731},
                        Case{GoAsin, -0.5031373629980624, -0.5272252948381663},
                        Case{GoAcos, 0.87675371205687, 0.501726113470554},
                        Case{GoAcos, -0.021450084455786333, 1.5922480564772128},
                        Case{GoAtan, -0.5031373629980624, -0.4661543483216096},
                        Case{GoAtan, 0.5197548730161559, 0.4793263200324487},
                        Case{GoSinh, -0.5998491108501092, -0.6364747155560733},
                        Case{GoSinh, -0.5031373629980624, -0.5246356478611718},
                        Case{GoCosh, 0.8878211901068007, 1.4206906057851896},
                        Case{GoCosh, -0.18340107613255174, 1.0168651709762582},
                        Case{GoTanh, -0.19204385011266734, -0.18971725396337427},
                        Case{GoTanh, -0.5031373629980624, -0.46458094911604514},
                        Case{GoAsinh, 0.38867497884335034, 0.37949988498509774},
                        Case{GoAsinh, 0.4234684694701163, 0.4117360916400803},
                        Case{GoAcosh, 686.1021469785046, 7.224173168418524},
                        Case{GoAcosh, 7.501912929970558, 2.7038331527126465},
                        Case{GoAtanh, -0.1773937266524086, -0.1792904432166881}}) {
    INFO(c.x);
    CHECK(std::bit_cast<uint64_t>(c.function(c.x)) == std::bit_cast<uint64_t>(c.want));
  }
}

TEST_CASE("ends and special values") {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  CHECK(GoExp(-kInf) == 0);
  CHECK(GoExp(710) == kInf);
  CHECK(GoExp(-746) == 0);
  CHECK(GoExp(0) == 1);
  CHECK(GoLog(0) == -kInf);
  CHECK(std::isnan(GoLog(-1)));
  CHECK(GoLog2(8) == 3);
  CHECK(GoExp2(10) == 1024);
  CHECK(GoExp2(1024) == kInf);
  CHECK(GoPow(2, 10) == 1024);
  CHECK(GoPow(-2, 3) == -8);
  CHECK(std::isnan(GoPow(-2, 0.5)) == true);
  CHECK(GoPow(-1, kInf) == 1);
  CHECK(GoPow(0, -1) == kInf);
  CHECK(GoPow(-0.0, -3) == -kInf);
  CHECK(GoPow(-kInf, -3) == 0);
  CHECK(GoPow(4, -0.5) == 0.5);
  CHECK(GoSin(0) == 0);
  CHECK(std::isnan(GoCos(kInf)));
  CHECK(std::isnan(GoAsin(1.5)));
  CHECK(GoAtan2(0, -1) == 3.141592653589793);
  CHECK(GoAtanh(1) == kInf);
  CHECK(GoTanh(-100) == -1);
  CHECK(GoAcosh(1) == 0);
}

}  // namespace
}  // namespace narthex::promql
