import 'reflect-metadata'
import { Controller, Get, Module, Req, UseGuards, type INestApplication } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { bearerAuth, type BearerAuthOptions, type ValidatedToken } from '@countersign/express'
import { PermissionGuard } from './permission.guard.js'

@Controller()
class ThingsController {
  @Get('whoami')
  whoami(@Req() request: { auth: ValidatedToken }): object {
    return { kind: request.auth.kind, client: request.auth.clientId }
  }

  @Get('things')
  @UseGuards(
    PermissionGuard({ delegated: { scopes: 'Things.Read' }, application: { roles: 'Things.Read.All' } }),
  )
  things(): object {
    return { things: ['a lamp', 'a chair'] }
  }
}

@Module({ controllers: [ThingsController] })
class AppModule {}

/** The API: every request is authenticated before Nest sees it, so that no controller can be forgotten. */
export async function createApp(options: BearerAuthOptions): Promise<INestApplication> {
  const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] })
  app.use(bearerAuth(options))
  return app
}
