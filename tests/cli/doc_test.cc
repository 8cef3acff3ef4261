// docs/ZKCLI.md names every command as the table has it.
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "cli/commands.h"

namespace zk::cli {
namespace {

TEST(ZkcliDoc, HasEveryCommandWithItsOptions) {
    std::stringstream page;
    page << std::ifstream(ZK_DOCS_DIR "/ZKCLI.md").rdbuf();
    ASSERT_FALSE(page.str().empty());
    for (const auto& spec : commands()) {
        EXPECT_NE(page.str().find("\n" + spec.usage() + "\n"), std::string::npos)
            << "docs/ZKCLI.md has no line: " << spec.usage();
    }
}

}  // namespace
}  // namespace zk::cli
