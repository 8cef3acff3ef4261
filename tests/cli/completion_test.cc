#include "cli/completion.h"

#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace zk::cli {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class Tree {
  public:
    int asked = 0;
    Completion behind(std::string_view line) {
        return complete(line, [this](const std::string& path) {
            ++asked;
            const auto found = nodes_.find(path);
            return found == nodes_.end() ? std::vector<std::string>() : found->second;
        });
    }

  private:
    std::map<std::string, std::vector<std::string>> nodes_ = {{"/", {"zookeeper", "app", "apple"}},
                                                              {"/app", {"x-2", "x-1", "y"}}};
};

TEST(Completion, TheFirstWordIsACommand) {
    Tree tree;
    EXPECT_THAT(tree.behind("del").candidates, ElementsAre("delete", "deleteall", "delquota"));
    EXPECT_EQ(tree.behind("dele").common("dele"), "delete");
    EXPECT_THAT(tree.behind("  whoa").candidates, ElementsAre("whoami"));
    EXPECT_EQ(tree.behind("  whoa").from, 2U);
    EXPECT_THAT(tree.behind("bogus").candidates, IsEmpty());
    EXPECT_GT(tree.behind("").candidates.size(), 20U);
    EXPECT_EQ(tree.asked, 0);
}

TEST(Completion, PathsComeFromTheTree) {
    Tree tree;
    EXPECT_THAT(tree.behind("ls ").candidates, ElementsAre("/"));
    EXPECT_EQ(tree.asked, 0);
    EXPECT_THAT(tree.behind("ls /").candidates, ElementsAre("/app", "/apple", "/zookeeper"));
    EXPECT_THAT(tree.behind("get -s /a").candidates, ElementsAre("/app", "/apple"));
    EXPECT_EQ(tree.behind("get -s /a").common("get -s /a"), "/app");
    EXPECT_THAT(tree.behind("ls /app/x").candidates, ElementsAre("/app/x-1", "/app/x-2"));
    EXPECT_EQ(tree.behind("ls /app/x").common("ls /app/x"), "/app/x-");
    EXPECT_THAT(tree.behind("ls /none/").candidates, IsEmpty());
    EXPECT_EQ(tree.behind("ls /none/").common("ls /none/"), "/none/");
}

TEST(Completion, OnlyWhereACommandTakesAPath) {
    Tree tree;
    EXPECT_THAT(tree.behind("addauth /").candidates, IsEmpty());
    EXPECT_THAT(tree.behind("bogus /").candidates, IsEmpty());
    EXPECT_THAT(tree.behind("ls app").candidates, IsEmpty());
    EXPECT_EQ(tree.asked, 0);
}

TEST(Completion, OptionsAndChoices) {
    Tree tree;
    EXPECT_THAT(tree.behind("ls -").candidates, ElementsAre("-R", "-s", "-w"));
    EXPECT_THAT(tree.behind("reconfig -a").candidates, ElementsAre("-add"));
    EXPECT_THAT(tree.behind("printwatches o").candidates, ElementsAre("off", "on"));
    EXPECT_THAT(tree.behind("help setq").candidates, ElementsAre("setquota"));
}

}  // namespace
}  // namespace zk::cli
