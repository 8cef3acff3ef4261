// docs/COMMANDS.md is written from the tables of the programs: this test says whether it is current, and writes it when it
// is run with ZKPROV_UPDATE_DOCS=1.
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "agent_options/options.h"
#include "command_line/help.h"
#include "zkdata/options.h"
#include "zkprov/options.h"
#include "zkserver/options.h"

namespace zk::command_line {
namespace {

constexpr std::string_view kHead = R"(# Commands

The pages of `zkprov help`, `zkprov-agent help`, `zkserver --help` and `zkdata help`. Written from the tables in
`controller/zkprov/commands.cc` and in `options.cc` of `agent/options`, `server/zkserver` and `server/zkdata`. Change them
there, then: `ZKPROV_UPDATE_DOCS=1 build/asan/bin/command_pages_test`
)";

std::string in_fence(const std::string& page) { return "\n```\n" + page + "```\n"; }

std::string pages_of(const Program& program) {
    std::string text = "\n## " + std::string(program.name) + "\n" + in_fence(*help(program, ""));
    if (!program.has_commands()) return text;
    for (const Command& command : program.commands) text += in_fence(*help(program, command.name));
    return text;
}

TEST(CommandPages, AreCurrent) {
    const std::string document = std::string(kHead) + pages_of(zkprov::program()) +
                                 pages_of(agent_options::program()) +
                                 pages_of(zkserver::program()) + pages_of(zkdata::program());
    const std::string path = std::string(ZK_DOCS_DIR) + "/COMMANDS.md";
    if (std::getenv("ZKPROV_UPDATE_DOCS") != nullptr) std::ofstream(path) << document;
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    EXPECT_EQ(text.str(), document)
        << "write it anew: ZKPROV_UPDATE_DOCS=1 build/asan/bin/command_pages_test";
}

}  // namespace
}  // namespace zk::command_line
