// Part of every test program: with ZKPROV_MARKS set to a directory, the program leaves there a file with the coverage marks
// that its tests hit, a line each. tests/sim/unit_marks.py compares them with the list.
#include <cstdlib>
#include <fstream>
#include <string>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/check.h"

namespace zk {
namespace {

class UnitMarks : public testing::Environment {
    void TearDown() override {
        const char* dir = std::getenv("ZKPROV_MARKS");
        if (dir == nullptr) return;
        std::ofstream file(std::string(dir) + "/" + std::to_string(getpid()));
        for (const std::string& mark : covered_marks()) file << mark << '\n';
    }
};
[[maybe_unused]] const auto* const kRegistered = testing::AddGlobalTestEnvironment(new UnitMarks);

}  // namespace
}  // namespace zk
