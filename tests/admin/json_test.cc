#include "admin/json.h"

#include <gtest/gtest.h>

namespace zk::admin {
namespace {

TEST(Json, LooksAsApachesPrinterHasIt) {
    Json json;
    json.open_object().number("a", -1).raw("b", "0.0").raw("c", "null").flag("d", true);
    json.name("e").open_array().close_array();
    json.name("f").open_object().close_object();
    json.name("g").open_array().number(1).text("x").close_array();
    json.name("h").open_array();
    json.open_object().text("i", "y").close_object();
    json.open_object().text("i", "z").close_object();
    json.close_array();
    json.name("k").open_object().name("l").open_array().number(2).close_array().close_object();
    json.close_object();
    EXPECT_EQ(json.take(),
              "{\n"
              "  \"a\" : -1,\n"
              "  \"b\" : 0.0,\n"
              "  \"c\" : null,\n"
              "  \"d\" : true,\n"
              "  \"e\" : [ ],\n"
              "  \"f\" : { },\n"
              "  \"g\" : [ 1, \"x\" ],\n"
              "  \"h\" : [ {\n"
              "    \"i\" : \"y\"\n"
              "  }, {\n"
              "    \"i\" : \"z\"\n"
              "  } ],\n"
              "  \"k\" : {\n"
              "    \"l\" : [ 2 ]\n"
              "  }\n"
              "}");
}

TEST(Json, TextIsEscaped) {
    Json json;
    json.open_object().text("/a\"\\\n", "\x01\xff\xc3\xbc").close_object();
    EXPECT_EQ(json.take(), "{\n  \"/a\\\"\\\\\\n\" : \"\\u0001\xef\xbf\xbd\xc3\xbc\"\n}");
}

}  // namespace
}  // namespace zk::admin
