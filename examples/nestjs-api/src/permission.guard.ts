import { HttpException, Injectable, type CanActivate, type ExecutionContext, type Type } from '@nestjs/common'
import { isBearerError, requirePermission, type Permission } from '@countersign/express'

/** A guard for `@UseGuards`: the caller needs this permission. `bearerAuth` must have run before it, as middleware. */
export function PermissionGuard(permission: Permission): Type<CanActivate> {
  const middleware = requirePermission(permission)

  @Injectable()
  class Guard implements CanActivate {
    canActivate(context: ExecutionContext): Promise<boolean> {
      const http = context.switchToHttp()
      return new Promise((resolve, reject) => {
        middleware(http.getRequest(), http.getResponse(), (error) => {
          if (error === undefined) resolve(true)
          // The challenge is on the response already. Nest takes any other error than its own for a crash, and logs it.
          else
            reject(isBearerError(error) ? new HttpException(error.toJSON(), error.status) : (error as Error))
        })
      })
    }
  }

  return Guard
}
